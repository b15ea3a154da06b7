# SPDX-License-Identifier: Apache-2.0
import contextlib
import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from node.append_only import lifted
from node.features.audit.audit_building import ANALYST, NOW, record, sequence, verify
from vigie_node.audit import actions, heads, merkle, models, queries, records, sequencer
from vigie_node.audit.events import Event
from vigie_node.base.actor import NODE, Actor, ActorKind

pytestmark = pytest.mark.django_db


def subjects():
    return list(models.Event.objects.order_by("sequence").values_list("subject", flat=True))


class TestRecord:
    def test_waits_until_it_is_put_in_order(self):
        record(2)
        assert (queries.pending_count(), queries.page(queries.Filter()).rows) == (2, ())
        assert queries.oldest_pending() == models.PendingEvent.objects.order_by("number").first().number

    def test_is_undone_with_the_change_it_describes(self):
        with contextlib.suppress(InterruptedError), transaction.atomic():
            record(1)
            raise InterruptedError
        assert queries.pending_count() == 0
        assert queries.oldest_pending() is None

    @pytest.mark.django_db(transaction=True)
    def test_is_refused_outside_of_a_transaction(self):
        with pytest.raises(RuntimeError, match="in the transaction"):
            actions.record(Event.LIST_CREATED, subject="a", by=NODE, at=NOW)


class TestSequence:
    def test_numbers_chains_and_signs(self):
        record(3)
        assert sequence() == 3
        assert subjects() == ["1", "2", "3"]
        head = queries.latest_head()
        leaves = [bytes(one) for one in models.Event.objects.order_by("sequence").values_list("leaf_hash", flat=True)]
        assert (head.head.size, head.head.root) == (3, merkle.root_of(leaves))
        heads.check(head, trusted=heads.keyring([actions.signer().public_key]))
        assert queries.pending_count() == 0

    def test_goes_on_where_it_was(self):
        for count in (1, 2, 5):
            record(count)
            sequence()
        assert verify().is_whole
        assert list(models.TreeHead.objects.order_by("size").values_list("size", flat=True)) == [1, 3, 8]

    def test_moves_no_more_than_it_may(self):
        record(5)
        assert [sequence(limit=2), sequence(limit=2), sequence(limit=2), sequence(limit=2)] == [2, 2, 1, 0]
        assert subjects() == ["1", "2", "3", "4", "5"]

    def test_signs_nothing_where_nothing_waits(self):
        assert sequence() == 0
        assert queries.latest_head() is None

    def test_keeps_the_order_when_the_clock_jumps_back(self):
        record(1, at=NOW)
        record(1, at=NOW - timedelta(days=400), event=Event.LIST_CREATED)
        record(1, at=NOW + timedelta(days=4000), event=Event.LIST_CHANGED)
        sequence(now=NOW - timedelta(days=1))
        rows = queries.page(queries.Filter()).rows
        assert [(row.event, row.at - NOW) for row in reversed(rows)] == [
            ("DEPICTION_READ", timedelta(0)),
            ("LIST_CREATED", timedelta(days=-400)),
            ("LIST_CHANGED", timedelta(days=4000)),
        ]
        assert verify().is_whole

    @pytest.mark.parametrize("written", [b"", b"not a record", b"\xff\x00", b'{"v":1}'])
    def test_gives_a_place_to_whatever_was_inserted(self, written):
        record(1)
        models.PendingEvent.objects.create(record=written)
        record(1)
        assert sequence() == 3
        assert queries.page(queries.Filter()).rows[1].event == records.UNREADABLE
        assert verify().is_whole

    def test_gives_a_place_to_an_event_that_was_inserted_twice_and_says_so(self):
        record(1)
        models.PendingEvent.objects.create(record=models.PendingEvent.objects.get().record)
        sequence()
        assert [(one.kind, one.sequence) for one in verify().faults] == [("REPEATED", 2)]

    @pytest.mark.parametrize("kind", [ActorKind.PERSON, ActorKind.KEY])
    def test_is_the_nodes_alone(self, kind):
        with pytest.raises(actions.NotTheNodeError):
            actions.sequence(by=Actor(kind, ANALYST.id), now=NOW)

    @pytest.mark.parametrize("key", ["", "short", "other:" + "A" * 43 + "=", "vigie-ed25519-private-key:AAAA"])
    def test_says_when_there_is_no_key(self, settings, key):
        settings.SIGNING_KEY = key
        record(1)
        with pytest.raises(heads.NoSigningKeyError, match="vigie-node init"):
            sequence()
        assert queries.pending_count() == 1

    @pytest.mark.parametrize(
        "alter",
        [
            lambda: models.Event.objects.filter(sequence=3).delete(),
            lambda: models.Event.objects.filter(sequence=3).update(chain_hash=bytes(32)),
            lambda: models.TreeHead.objects.filter(size=3).delete(),
            lambda: models.TreeHead.objects.filter(size=3).update(root=bytes(32)),
            lambda: models.Frontier.objects.update(size=2),
            lambda: models.Frontier.objects.update(nodes=bytes(64)),
            lambda: models.Frontier.objects.all().delete(),
        ],
    )
    def test_signs_nothing_on_what_does_not_fit(self, alter):
        record(3)
        sequence()
        with lifted():
            alter()
        record(1)
        with pytest.raises(sequencer.BrokenAuditError, match="audit verify"):
            sequence()
        assert queries.pending_count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_never_interleaves_with_another(self):
        record(40)
        barrier = threading.Barrier(4)

        def work():
            try:
                barrier.wait()
                while sequence(limit=3):
                    pass
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        record(20, event=Event.LIST_CHANGED)
        for thread in threads:
            thread.join()
        sequence()
        report = verify()
        assert (report.size, report.faults) == (60, ())


ALTERATIONS = [
    "UPDATE audit_event SET subject = 'x' WHERE sequence = 1",
    "DELETE FROM audit_event",
    "UPDATE audit_treehead SET size = 7",
    "DELETE FROM audit_treehead",
]


class TestAppendOnly:
    @pytest.mark.parametrize("statement", ALTERATIONS)
    def test_the_database_itself_refuses(self, statement):
        self.refused(statement)

    @pytest.mark.parametrize("table", ["audit_event", "audit_treehead"])
    def test_nor_are_all_rows_replaced_or_removed_by_what_only_this_database_knows(self, table):
        statements = {
            "sqlite": f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
            "postgresql": f"TRUNCATE {table}",
        }
        self.refused(statements[connection.vendor])

    def refused(self, statement):
        record(2)
        sequence()
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert verify().is_whole
