# SPDX-License-Identifier: Apache-2.0
"""How long each kind of record is kept, and what happens then.

- Every model has an inner class `Retention` with three sentences: what the record is for, how long it is kept and how
  it ends. An architecture test refuses a model without them; the page about retention is written from them.
- Periods that law fixes are data of the feature that applies them, never numbers here.
"""

from typing import ClassVar, Protocol


class Retained(Protocol):
    """What the inner class `Retention` of a model says."""

    purpose: ClassVar[str]
    keep_for: ClassVar[str]
    scrub: ClassVar[str]
