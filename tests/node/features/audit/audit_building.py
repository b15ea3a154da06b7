# SPDX-License-Identifier: Apache-2.0
"""Builds an audit to test on."""

import uuid
from datetime import UTC, datetime

from django.db import transaction

from vigie_node.audit import actions, heads
from vigie_node.audit.events import Event
from vigie_node.base.actor import NODE, Actor, ActorKind

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ANALYST = Actor(ActorKind.PERSON, uuid.UUID(int=7), uuid.UUID(int=8))


def record(count, *, event=Event.DEPICTION_READ, by=ANALYST, at=NOW):
    """Record events about subjects 1, 2, 3 … in one transaction each."""
    for number in range(1, count + 1):
        with transaction.atomic():
            actions.record(event, subject=number, by=by, at=at, count=number)


def sequence(*, now=NOW, limit=5000):
    return actions.sequence(by=NODE, now=now, limit=limit)


def verify(**options):
    return actions.verify(by=NODE, now=NOW, **options)


def faults(**options):
    return [(one.kind.value, one.sequence, one.last) for one in verify(**options).faults]


def exported():
    return heads.load(actions.export_head(by=NODE, now=NOW))
