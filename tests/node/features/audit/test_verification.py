# SPDX-License-Identifier: Apache-2.0
"""Each way to alter an audit, and what the verification says of it: kind, first and last sequence."""

import dataclasses

import pytest
from django.db.models import F

from node.append_only import lifted
from node.features.audit.audit_building import NOW, exported, faults, record, sequence, verify
from vigie_node.audit import actions, chain, heads, merkle, models, queries, records, verification
from vigie_node.audit.events import Event

pytestmark = pytest.mark.django_db

FAR = 1_000_000


@pytest.fixture
def audit():
    """Thirty events, under heads of 10, 20 and 30."""
    for _ in range(3):
        record(10)
        sequence()


def rows(*sequences):
    return [models.Event.objects.get(sequence=one) for one in sequences]


def move(first, last, by):
    """Renumber rows, without meeting a number in use."""
    moved = models.Event.objects.filter(sequence__gte=first, sequence__lte=last)
    moved.update(sequence=F("sequence") + FAR)
    models.Event.objects.filter(sequence__gte=FAR).update(sequence=F("sequence") - FAR + by)


def place(row, sequence):
    models.Event.objects.filter(event_id=row.event_id).update(sequence=sequence)


def column(**values):
    return lambda: models.Event.objects.filter(sequence=15).update(**values)


def change_record(sequence):
    row = rows(sequence)[0]
    models.Event.objects.filter(sequence=sequence).update(record=bytes(row.record).replace(b'"count":', b'"count":9'))


def change_with_leaf(sequence):
    change_record(sequence)
    leaf = merkle.leaf_hash(bytes(rows(sequence)[0].record))
    models.Event.objects.filter(sequence=sequence).update(leaf_hash=leaf)


def change_with_link(sequence):
    change_with_leaf(sequence)
    before, row = rows(sequence - 1, sequence)
    linked = chain.link(bytes(before.chain_hash), bytes(row.leaf_hash))
    models.Event.objects.filter(sequence=sequence).update(chain_hash=linked)


def chain_anew():
    """Make the chain hold again, from end to end."""
    last = chain.GENESIS
    for row in models.Event.objects.order_by("sequence"):
        last = chain.link(last, bytes(row.leaf_hash))
        models.Event.objects.filter(sequence=row.sequence).update(chain_hash=last)


def drop_and_move_up(sequence):
    models.Event.objects.filter(sequence=sequence).delete()
    move(sequence + 1, FAR - 1, -1)


def drop_the_last(count):
    models.Event.objects.filter(sequence__gt=30 - count).delete()


def drop_the_last_with_its_head():
    drop_the_last(10)
    models.TreeHead.objects.filter(size=30).delete()


def foreign(sequence, *, chain_hash=None):
    made = b'{"a":"foreign"}'
    leaf = merkle.leaf_hash(made)
    before = models.Event.objects.filter(sequence=sequence - 1).first()
    previous = bytes(before.chain_hash) if before else chain.GENESIS

    read = records.read(made, leaf=leaf)
    models.Event.objects.create(
        sequence=sequence, event_id=read.id, event=read.event, subject="", actor="", at=read.at, record=made,
        leaf_hash=leaf, chain_hash=chain_hash or chain.link(previous, leaf),
    )  # fmt: skip


def insert(sequence, **options):
    move(sequence, FAR - 1, 1)
    foreign(sequence, **options)


def swap(first, second):
    one, other = rows(first, second)
    place(one, FAR)
    place(other, first)
    place(one, second)


def put_elsewhere(source, target):
    """Move one row to a later place, all between moving up."""
    row = rows(source)[0]
    place(row, 2 * FAR)
    move(source + 1, target, -1)
    place(row, target)


def forge_head(**fields):
    models.TreeHead.objects.filter(size=20).update(**fields)


CASES = [
    # one row
    ("record", lambda: change_record(15), [("CHANGED", 15, 0)]),
    ("column event", column(event="X"), [("CHANGED", 15, 0)]),
    ("column actor", column(actor="X"), [("CHANGED", 15, 0)]),
    ("column subject", column(subject="X"), [("CHANGED", 15, 0)]),
    ("column time", column(at=NOW.replace(year=2020)), [("CHANGED", 15, 0)]),
    ("column organisation", column(organisation=None), [("CHANGED", 15, 0)]),
    ("leaf hash", column(leaf_hash=bytes(32)), [("CHANGED", 15, 0)]),
    ("record and leaf", lambda: change_with_leaf(15), [("CHANGED", 14, 15)]),
    ("record and leaf behind a head", lambda: change_with_leaf(11), [("CHANGED", 11, 11)]),
    ("record, leaf and link", lambda: change_with_link(15), [("CHANGED", 15, 16)]),
    ("chain hash", column(chain_hash=bytes(32)), [("CHANGED", 14, 15), ("CHANGED", 15, 16)]),
    ("the first", lambda: change_with_leaf(1), [("CHANGED", 1, 1)]),
    ("two far apart", lambda: (change_record(3), change_record(27)), [("CHANGED", 3, 0), ("CHANGED", 27, 0)]),
    ("record, leaf, chain to the end", lambda: (change_with_leaf(15), chain_anew()), [("HEAD_DISAGREES", 11, 20)]),
    # dropped
    ("dropped", lambda: models.Event.objects.filter(sequence=15).delete(), [("DROPPED", 15, 15)]),
    ("several dropped", lambda: models.Event.objects.filter(sequence__range=(15, 18)).delete(), [("DROPPED", 15, 18)]),
    ("the first dropped", lambda: models.Event.objects.filter(sequence=1).delete(), [("DROPPED", 1, 1)]),
    ("dropped and moved up", lambda: drop_and_move_up(15), [("DROPPED", 15, 0)]),
    (
        "dropped, moved up, chained anew",
        lambda: (drop_and_move_up(15), chain_anew()),
        [("HEAD_DISAGREES", 11, 20), ("DROPPED", 30, 30)],
    ),
    ("the last dropped", lambda: drop_the_last(1), [("DROPPED", 30, 30)]),
    ("all dropped", lambda: drop_the_last(30), [("DROPPED", 1, 30)]),
    ("the last dropped with their head", drop_the_last_with_its_head, [("EDGE", 30, 0)]),
    # inserted
    ("inserted", lambda: insert(15, chain_hash=b"x" * 32), [("INSERTED", 15, 15), ("UNSIGNED", 31, 31)]),
    ("inserted with its link", lambda: insert(15), [("INSERTED", 15, 15), ("UNSIGNED", 31, 31)]),
    ("inserted first", lambda: insert(1), [("INSERTED", 1, 1), ("UNSIGNED", 31, 31)]),
    ("inserted, chained anew", lambda: (insert(15), chain_anew()), [("HEAD_DISAGREES", 11, 20), ("UNSIGNED", 31, 31)]),
    ("appended by another", lambda: foreign(31), [("UNSIGNED", 31, 31)]),
    # reordered
    ("swapped", lambda: swap(14, 15), [("REORDERED", 14, 15)]),
    ("swapped first", lambda: swap(1, 2), [("REORDERED", 1, 2)]),
    ("swapped last", lambda: swap(29, 30), [("REORDERED", 29, 30)]),
    ("swapped apart", lambda: swap(12, 18), [("REORDERED", 12, 18)]),
    ("put elsewhere", lambda: put_elsewhere(12, 18), [("REORDERED", 12, 18)]),
    ("swapped, chained anew", lambda: (swap(14, 15), chain_anew()), [("HEAD_DISAGREES", 11, 20)]),
    # heads and the edge
    ("root of a head", lambda: forge_head(root=bytes(32)), [("HEAD_DISAGREES", 11, 20), ("FALSE_HEAD", 20, 0)]),
    ("time of a head", lambda: forge_head(signed_at=NOW.replace(year=2020)), [("FALSE_HEAD", 20, 0)]),
    ("signature of a head", lambda: forge_head(signature=bytes(64)), [("FALSE_HEAD", 20, 0)]),
    ("key of a head", lambda: forge_head(key_id="0" * 16), [("UNKNOWN_KEY", 20, 0)]),
    ("size of a head", lambda: forge_head(size=17), [("HEAD_DISAGREES", 11, 17), ("FALSE_HEAD", 17, 0)]),
    ("edge", lambda: models.Frontier.objects.update(chain_hash=bytes(32)), [("EDGE", 30, 0)]),
    ("edge gone", lambda: models.Frontier.objects.all().delete(), [("EDGE", 0, 0)]),
]  # fmt: skip


class TestVerify:
    def test_finds_nothing_in_what_is_whole(self, audit):
        record(4)
        report = verify()
        assert (report.size, report.head_count, report.pending, report.faults) == (30, 3, 4, ())
        assert report.is_whole
        assert report.last.head.size == 30

    def test_finds_nothing_in_nothing(self):
        report = verify()
        assert (report.size, report.head_count, report.is_whole, report.last) == (0, 0, True, None)

    @pytest.mark.parametrize(("alter", "found"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
    def test_says_what_was_altered_and_where(self, audit, alter, found):
        with lifted():
            alter()
        assert faults() == found

    @pytest.mark.parametrize("page", [1, 2, 7])
    def test_does_not_depend_on_the_pages_it_reads(self, audit, monkeypatch, page):
        monkeypatch.setattr(verification, "PAGE", page)
        assert verify().is_whole
        with lifted():
            swap(14, 15)
        assert faults() == [("REORDERED", 14, 15)]

    def test_lists_no_more_faults_than_it_may_but_counts_them_all(self, audit, monkeypatch):
        monkeypatch.setattr(verification, "MAX_FAULTS", 5)
        with lifted():
            models.Event.objects.update(subject="X")
        report = verify()
        assert (len(report.faults), report.fault_count) == (5, 30)

    def test_tells_how_far_it_is(self, audit):
        told = []
        verify(progress=lambda done, total: told.append((done, total)))
        assert told[-1] == (30, 30)

    def test_is_noted_with_what_it_found(self, audit):
        with lifted():
            change_record(15)
        verify()
        assert dataclasses.astuple(queries.state().verified) == (NOW, 30, 1)
        sequence_events = [row.event for row in queries.page(queries.Filter(event=Event.AUDIT_VERIFIED)).rows]
        assert (sequence_events, queries.pending_count()) == ([], 1)

    def test_knows_earlier_keys_that_are_given(self, audit, settings):
        former = actions.signer().public_key
        settings.SIGNING_KEY = heads.new_signing_key()
        record(1)
        sequence()
        assert faults() == [("UNKNOWN_KEY", 10, 0), ("UNKNOWN_KEY", 20, 0), ("UNKNOWN_KEY", 30, 0)]
        assert verify(keys=[former]).is_whole
        settings.FORMER_SIGNING_KEYS = [heads.public_line(former)]
        assert verify().is_whole


class TestAgainstAnOutsider:
    def test_an_earlier_head_is_still_one_of_the_audit(self, audit):
        early = exported()
        record(7)
        sequence()
        assert verify(against=[early]).is_whole

    def test_a_history_written_anew_and_signed_again_is_found_out(self, audit):
        early = exported()
        with lifted():
            change_with_leaf(15)
            rewrite_history()
        assert verify().is_whole
        assert faults(against=[early]) == [("UNLIKE_OUTSIDE_HEAD", 30, 0)]

    def test_a_history_cut_short_and_signed_again_is_found_out(self, audit):
        early = exported()
        with lifted():
            drop_the_last(5)
            rewrite_history()
        assert verify().is_whole
        assert faults(against=[early]) == [("SHORTER_THAN_OUTSIDE_HEAD", 30, 0)]

    def test_a_head_between_two_stored_ones_counts_as_well(self, audit):
        leaves = [bytes(one) for one in models.Event.objects.order_by("sequence").values_list("leaf_hash", flat=True)]
        signer = actions.signer()
        between = signer.sign(size=17, root=merkle.root_of(leaves[:17]), chain_hash=rows(17)[0].chain_hash, now=NOW)
        other = signer.sign(size=17, root=merkle.root_of(leaves[:16]), chain_hash=rows(17)[0].chain_hash, now=NOW)
        assert faults(against=[between, other]) == [("UNLIKE_OUTSIDE_HEAD", 17, 0)]

    def test_a_head_of_somebody_else_is_refused(self, audit):
        head = exported()
        stranger = heads.Signer(heads.new_signing_key())
        forged = stranger.sign(size=30, root=head.head.root, chain_hash=head.head.chain_hash, now=NOW)
        altered = dataclasses.replace(head, head=dataclasses.replace(head.head, size=29))
        assert faults(against=[forged, altered]) == [("FALSE_OUTSIDE_HEAD", 29, 0), ("FALSE_OUTSIDE_HEAD", 30, 0)]


def rewrite_history():
    """Do what only the owner of both the database and the signing key can do."""
    chain_anew()
    models.TreeHead.objects.all().delete()
    leaves = [bytes(one) for one in models.Event.objects.order_by("sequence").values_list("leaf_hash", flat=True)]
    frontier = merkle.Frontier().append(leaves)
    last = models.Event.objects.order_by("-sequence").first()
    head = actions.signer().sign(size=frontier.size, root=frontier.root(), chain_hash=bytes(last.chain_hash), now=NOW)
    models.TreeHead.objects.create(
        size=frontier.size, root=head.head.root, chain_hash=head.head.chain_hash, signed_at=NOW,
        key_id=head.head.key_id, signature=head.signature,
    )  # fmt: skip
    models.Frontier.objects.update(size=frontier.size, nodes=frontier.to_bytes(), chain_hash=last.chain_hash)
