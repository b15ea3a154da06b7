# SPDX-License-Identifier: Apache-2.0
"""What in the catalogue waits for a person: open disputes, overrides to be looked at again, imports to be decided.

- The nearest deadline comes first; what is overdue is not hidden among the rest.
- The value of an override is sensitive: it is returned by `value_of` alone, to search by, never in a list.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime

from vigie.errors import NotFoundError
from vigie.fingerprints.values import Algorithm
from vigie_node.base.ids import first_id
from vigie_node.catalogue import standing
from vigie_node.catalogue.models import Assertion, Dispute, Import, Override
from vigie_node.catalogue.states import ImportState, OverrideKind

PAGE = 50
AT_MOST = 10_000  # beyond this a count of the day says "more than"


class NoSuchOverrideError(NotFoundError):
    """No override of this id stands."""

    code = "catalogue.no-override-to-review"


@dataclass(frozen=True, slots=True)
class OpenDispute:
    """One challenge that waits for its settlement."""

    id: uuid.UUID
    assertion_id: uuid.UUID
    depiction_id: uuid.UUID
    source: str
    scheme: str
    label: str
    grounds: str
    opened_at: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True)
class StandingOverride:
    """One value that matches nothing by our own word; its value is left out."""

    id: uuid.UUID
    algorithm: Algorithm
    kind: OverrideKind
    reason: str
    review_on: date
    made_at: datetime


@dataclass(frozen=True, slots=True)
class StagedImport:
    """One import that waits for a decision."""

    id: uuid.UUID
    source: str
    created_at: datetime
    rows: int


def open_disputes(*, limit: int = PAGE) -> list[OpenDispute]:
    """Return the challenges of words that count, the nearest deadline first."""
    rows = standing.visible(Dispute.objects.filter(outcome=""), at="assertion__").select_related("assertion__source")
    return [
        OpenDispute(
            one.id, one.assertion_id, one.assertion.depiction_id, one.assertion.source.name, one.assertion.scheme,
            one.assertion.label, one.grounds, one.opened_at, one.deadline,
        )
        for one in rows.order_by("deadline", "id")[:limit]
    ]  # fmt: skip


def standing_overrides(*, limit: int = PAGE, due_by: date | None = None) -> list[StandingOverride]:
    """Return the overrides that stand, the next to be looked at first; those due by a day only, where one is given."""
    query = Override.objects.filter(ended_at=None)
    query = query.filter(review_on__lte=due_by) if due_by else query
    return [
        StandingOverride(
            one.id, Algorithm(one.algorithm), OverrideKind(one.kind), one.reason, one.review_on, one.made_at
        )
        for one in query.order_by("review_on", "id")[:limit]
    ]


def value_of(override_id: uuid.UUID) -> tuple[Algorithm, bytes]:
    """Return the value that an override stands on, to search by it.

    Raises:  NoSuchOverrideError.
    """
    found = Override.objects.filter(id=override_id, ended_at=None).first()
    if found is None:
        raise NoSuchOverrideError("no such override stands; it may have been ended by somebody else")
    return Algorithm(found.algorithm), bytes(found.value)


def staged_imports(*, limit: int = PAGE) -> list[StagedImport]:
    """Return the imports that wait for a decision, the oldest first."""
    rows = Import.objects.filter(state=ImportState.STAGED.value).select_related("source").order_by("created_at")[:limit]
    return [StagedImport(one.id, one.source.name, one.created_at, one.rows_done) for one in rows]


def recorded_since(moment: datetime) -> int:
    """Count the assertions recorded since a moment, AT_MOST + 1 at most: ids are in the order of time."""
    query = standing.visible(Assertion.objects.filter(id__gte=first_id(moment.astimezone(UTC))))
    return len(query.values_list("id", flat=True)[: AT_MOST + 1])
