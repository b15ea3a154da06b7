# SPDX-License-Identifier: Apache-2.0
"""Make a list and change its policy.

- A list is changed by a whole new policy, from the version that its writer looked at: who comes second is told what
  changed meanwhile, and loses nothing.
- Each policy that a list ever had is kept, with who set it, when and why: matches refer to it.
"""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction

from vigie.errors import InvalidInputError, NotFoundError, WrongStateError
from vigie.lists.entries import check_text
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base import locks
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue import classes, rules
from vigie_node.catalogue.models import ListVersion, MatchList, Source
from vigie_node.catalogue.reasons import stated
from vigie_node.catalogue.rules import BANK, Policy
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic


class NoSuchListError(NotFoundError):
    """There is no such list."""

    code = "catalogue.no-such-list"


class ListExistsError(WrongStateError):
    """The name is taken."""

    code = "catalogue.list-exists"


class ListChangedError(WrongStateError):
    """Somebody else changed the list meanwhile."""

    code = "catalogue.list-changed"


class UnknownSourceError(InvalidInputError):
    """The policy names a source that is not known here."""

    code = "catalogue.unknown-source"


@transaction.atomic
def create_list(
    name: str,
    *,
    title: str,
    policy: Policy,
    reason: str,
    by: Actor,
    now: datetime,
    organisation_id: uuid.UUID | None = None,
) -> uuid.UUID:
    """Make a list, at its version 1; return its id. One of an organisation is told to that organisation's keys only.

    Audit:   LIST_CREATED, with its mode.
    Raises:  MalformedListNameError, ListExistsError, UnknownSourceError; MissingReasonError; MalformedEntryError.
    """
    classes.check_list_name(name)
    check_text(title, name="title")
    why = stated(reason, name="reason")
    _check(policy, own_name=name)
    made = MatchList(
        id=new_id(now), name=name, title=title, organisation_id=organisation_id, version=1,
        policy=rules.to_json(policy), created_at=now,
    )  # fmt: skip
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise ListExistsError("there is a list of that name already; use another name, or change that list") from error
    kept = _keep(made, why, by=by, now=now)
    audit.record(Event.LIST_CREATED, subject=made.id, by=by, at=now, mode=policy.mode.value)
    changes.append(Topic.LISTS, subject=made.id, items=[kept], now=now)
    return made.id


@transaction.atomic
def change_list(
    list_id: uuid.UUID,
    *,
    policy: Policy,
    expected_version: int,
    reason: str,
    by: Actor,
    now: datetime,
    title: str | None = None,
) -> int:
    """Give a list another policy; return its new version.

    `expected_version` is the one that the writer looked at.
    Audit:   LIST_CHANGED, with the version and the names of what changed.
    Raises:  NoSuchListError, ListChangedError, UnknownSourceError; MissingReasonError; MalformedEntryError.
    """
    why = stated(reason, name="reason")
    locks.hold(locks.LISTS)
    changed = MatchList.objects.filter(id=list_id).first()
    if changed is None:
        raise NoSuchListError("there is no such list")
    _check(policy, own_name=changed.name)
    if changed.version != expected_version:
        raise ListChangedError(_what_changed(changed, since=expected_version))
    if title is not None:
        check_text(title, name="title")
        changed.title = title
    names = rules.differing(changed.policy, rules.to_json(policy))
    changed.version, changed.policy = changed.version + 1, rules.to_json(policy)
    changed.save(update_fields=["title", "version", "policy"])
    kept = _keep(changed, why, by=by, now=now)
    audit.record(Event.LIST_CHANGED, subject=list_id, by=by, at=now, version=changed.version, changed=names)
    changes.append(Topic.LISTS, subject=list_id, items=[kept], now=now)
    return changed.version


def _keep(changed: MatchList, reason: str, *, by: Actor, now: datetime) -> int:
    """Keep the list's policy as a version, and return its row."""
    made = ListVersion.objects.create(
        list=changed, version=changed.version, policy=changed.policy, reason=reason, changed_at=now, changed_by=str(by)
    )
    return made.id


def _check(policy: Policy, *, own_name: str) -> None:
    named = set(policy.sources)
    known = {str(id) for id in Source.objects.filter(id__in=_ids(named)).values_list("id", flat=True)}
    if named - known:
        raise UnknownSourceError("the policy names a source that is not known here; record the source first")
    for scheme, labels in policy.classes.items():
        for label in labels:
            if scheme != BANK or label != own_name:
                classes.check_class(scheme, label)


def _ids(texts: set[str]) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text) for text in texts]
    except ValueError as error:
        raise UnknownSourceError("the policy names its sources by their ids") from error


def _what_changed(changed: MatchList, *, since: int) -> str:
    before = ListVersion.objects.filter(list=changed, version=since).first()
    if before is None:
        return f"the list never had a version {since}; it is at version {changed.version}: look at it again"
    names = ", ".join(rules.differing(before.policy, changed.policy)) or "nothing but the reason"
    return (
        f"somebody else changed the list since version {since}, it is at version {changed.version} now; "
        f"what changed: {names}. Look at it again, then change it"
    )
