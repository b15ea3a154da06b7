# SPDX-License-Identifier: Apache-2.0
import json
import threading
from datetime import date

import pytest
from django.db import connection

from node.features.catalogue.catalogue_building import (
    NOW,
    WRITER,
    depiction,
    make_list,
    md5,
    pdq,
    print_of,
    row,
    say,
    sha256,
    source,
    taken_in,
    words_on,
    write_rows,
)
from vigie.fingerprints.values import Algorithm
from vigie.lists import sealing
from vigie.lists.columns import to_entries
from vigie.lists.file import Keys, open_list
from vigie_node.catalogue import actions, exporting, list_queries, standing, sweeping
from vigie_node.catalogue.exporting import Format
from vigie_node.catalogue.identity import NewFingerprint
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import Kind, OverrideKind

pytestmark = pytest.mark.django_db(transaction=True)


def export(list_id, path, form=Format.JSON_LINES, **more):
    return exporting.export_list(list_id, path, form=form, issuer="Our node", **WRITER, **more)


def exported(list_id, path):
    export(list_id, path)
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out"


class TestExportList:
    def test_writes_exactly_what_the_list_makes_matchable(self, path):
        one, other = source(), source("Hotline B")
        say(depiction(1), one)
        say(depiction(2), one, "C")
        say(depiction(3), other)
        revoked = say(depiction(4), one)
        actions.revoke(revoked, reason="wrong", **WRITER)
        disputed = say(depiction(5), one)
        actions.open_dispute(disputed, grounds="doubtful", **WRITER)
        actions.override(
            Algorithm.SHA256, sha256(6), kind=OverrideKind.SUPPRESSED, reason="r", review_on=date(2027, 1, 1), **WRITER
        )
        actions.record_depiction([print_of(6), NewFingerprint(Algorithm.MD5, md5(6))], kind=Kind.PICTURE, **WRITER)
        say(depiction(6), one)
        found = exported(make_list(classes={"uk": ("A", "B")}, sources=(str(one),)), path)
        assert {entry.get("sha256", entry.get("md5")) for entry in found} == {sha256(1).hex(), md5(6).hex()}
        assert len(found) == 2
        assert {entry["asserted_by"] for entry in found} == {"Hotline A"}

    def test_tells_each_word_of_a_quorum(self, path):
        for name in ("Hotline A", "Hotline B"):
            say(depiction(1), source(name))
        say(depiction(2), source())
        found = exported(make_list(quorum=2), path)
        assert sorted(entry["asserted_by"] for entry in found) == ["Hotline A", "Hotline B"]

    def test_tells_what_a_source_said_in_each_scheme(self, path):
        one, who = depiction(1), source()
        say(one, who)
        say(one, who, "A1", scheme="tech-coalition")
        for name in ("ours", "other"):
            make_list(name)
            say(one, who, name, scheme="bank")
        found = exported(make_list(classes={"uk": ("A",), "tech-coalition": ("A1",), "bank": ("ours", "other")}), path)
        assert sorted(entry.get("label", "") for entry in found) == ["", "A", "A1"]

    @pytest.mark.parametrize("form", Format)
    def test_what_was_exported_can_be_taken_in_elsewhere(self, path, tmp_path, form):
        given = [row(seed, pdq=pdq(seed).hex(), pdq_quality=80, md5=md5(seed).hex()) for seed in range(3)]
        taken_in(write_rows(tmp_path / "in", given), source())
        assert export(make_list(), path, form).entries == 3
        taken_in(path, source("Partner"), relays=True)
        assert words_on(1) == [("Hotline A", "A")]

    def test_a_list_of_the_engine_is_signed_and_says_whose_it_is(self, path, tmp_path):
        private, public = tmp_path / "key", tmp_path / "key.pub"
        sealing.make_keys(private, public_path=public)
        say(depiction(1), source())
        export(make_list(threshold_bits=10), path, Format.LIST, keys=Keys(sign=sealing.signer(private)))
        opened = open_list(path, now=NOW, keys=Keys(check=sealing.checker([public])))
        assert (opened.info.name, opened.info.issuer, opened.info.policy.threshold_bits) == ("known", "Our node", 10)
        assert [entry.sha256 for entry in to_entries(opened.columns())] == [sha256(1)]

    def test_our_own_words_state_no_class(self, path):
        make_list("ours", classes={"bank": ("ours",)})
        say(depiction(1), source(), "ours", scheme="bank")
        [entry] = exported(list_queries.id_of("ours"), path)
        assert "scheme" not in entry

    @pytest.mark.parametrize("mode", [Mode.OFF, Mode.SHADOW])
    def test_tells_nobody_what_is_on_a_list_that_is_not_told(self, path, mode):
        one = make_list()
        actions.change_list(one, policy=Policy(mode=mode), expected_version=1, reason="r", **WRITER)
        with pytest.raises(exporting.NotToldError):
            export(one, path)

    @pytest.mark.parametrize("form", Format)
    def test_is_what_held_at_one_moment_and_keeps_nobody_from_writing(self, path, tmp_path, form, monkeypatch):
        said = [say(depiction(seed), source()) for seed in range(4)]
        one = make_list()
        whole = sweeping.every_depiction
        monkeypatch.setattr(exporting, "_PORTION", 2)

        def change_much():
            actions.revoke(said[3], reason="wrong", **WRITER)
            say(depiction(5), source())
            actions.change_list(one, policy=Policy(mode=Mode.OFF), expected_version=1, reason="r", **WRITER)
            connection.close()

        def and_then_changed(**asked):
            found = whole(**asked)
            if asked["after"] is None:
                other = threading.Thread(target=change_much)
                other.start()
                other.join(10)
                assert not other.is_alive()
            return found

        monkeypatch.setattr(sweeping, "every_depiction", and_then_changed)
        assert export(one, path, form).entries == 4
        assert words_on(3) == []
        monkeypatch.undo()
        taken_in(path, source("Partner"), relays=True)
        assert {seed for seed in range(6) if words_on(seed)} == {0, 1, 2, 5}

    def test_of_many_videos_holds_few_of_their_frames_at_a_time(self, path, monkeypatch):
        for seed in range(3):
            frames = [NewFingerprint(Algorithm.PDQ_FRAMES, pdq(10 * seed + at), 90, "", at, at) for at in range(5)]
            say(actions.record_depiction(frames, kind=Kind.VIDEO, **WRITER), source())
        read = []
        whole = standing.fingerprints_of

        def counted(*asked):
            found = whole(*asked)
            read.append(sum(map(len, found.values())))
            return found

        monkeypatch.setattr(standing, "fingerprints_of", counted)
        monkeypatch.setattr(exporting, "_PRINTS", 10)
        assert len(exported(make_list(), path)) == 3
        assert read == [10, 5]

    def test_leaves_nothing_behind_where_it_fails(self, path, monkeypatch):
        say(depiction(1), source())
        monkeypatch.setattr(exporting, "_entries", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export(make_list(), path)
        assert list(path.parent.iterdir()) == []
        say(depiction(2), source())  # the connection is as it was
