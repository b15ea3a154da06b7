# SPDX-License-Identifier: Apache-2.0
"""How long each kind of record is kept, and what happens then.

- Every model has an inner class `Retention`: its `purpose`, what the record is for; `keep_for`, how long; `scrub`, how
  it ends; `ended_by`, the action that ends it, as its place below `vigie_node`, or the label of the model that it is
  deleted with. What is kept for good has no `ended_by`, and its `scrub` begins with "kept".
- An architecture test refuses a model without them; the page about retention is written from them.
- A record that is not kept for good ends by an action that the worker's schedule reaches, or with the record that it
  belongs to: the same test follows both.
- Periods that law fixes are data of the feature that applies them, never numbers here.
"""

from datetime import timedelta

YEAR = timedelta(days=365)
