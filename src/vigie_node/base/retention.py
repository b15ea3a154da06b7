# SPDX-License-Identifier: Apache-2.0
"""How long each kind of record is kept, and what happens then.

- Every model has an inner class `Retention`: what the record is for, how long it is kept, how it ends and what ends it.
  An architecture test refuses a model without them; the page about retention is written from them.
- A record that is not kept for good ends by an action that the worker's schedule reaches, or with the record that it
  belongs to: the same test follows both.
- Periods that law fixes are data of the feature that applies them, never numbers here.
"""

from datetime import timedelta
from typing import ClassVar, Protocol

YEAR = timedelta(days=365)


class Retained(Protocol):
    """What the inner class `Retention` of a model says.

    `ended_by` is the action that ends it, as its place below `vigie_node`, or the label of the model that it is deleted
    with; what is kept for good has none, and its `scrub` begins with "kept".
    """

    purpose: ClassVar[str]
    keep_for: ClassVar[str]
    scrub: ClassVar[str]
    ended_by: ClassVar[str]
