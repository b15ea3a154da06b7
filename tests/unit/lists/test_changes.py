# SPDX-License-Identifier: Apache-2.0
import os
import signal
import time
from datetime import timedelta

import pytest
from pyrage import x25519

from unit.lists.list_building import NOW, digest, picture_entry, video_entry
from vigie.errors import InvalidInputError
from vigie.fingerprints.values import Algorithm
from vigie.lists import changes, columns, sealing
from vigie.lists import file as list_file
from vigie.lists.changes import ListExistsError, ListInUseError, MissingKeyError, NotOnListError, WeakNegativeError
from vigie.lists.file import Keys, open_list
from vigie.lists.policy import Policy
from vigie.lists.verification import verify

LATER = NOW + timedelta(days=1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.list"


def create(path, found, **more):
    return changes.create(
        path, name="a list", issuer="Example hotline", columns=columns.of_entries(found), now=NOW, **more
    )


def add(path, found, **more):
    return changes.add(path, columns=columns.of_entries(found), now=LATER, **more)


def held(path, **more):
    return list(columns.to_entries(open_list(path, now=None, **more).columns()))


class TestCreate:
    def test_writes_version_1_and_keeps_equal_entries_once(self, path):
        info = create(path, [picture_entry(1), picture_entry(2), picture_entry(1)])
        assert (info.version, info.counts.entries, info.counts.depictions) == (1, 2, 2)
        assert held(path) == [picture_entry(1), picture_entry(2)]

    def test_never_writes_over_a_file(self, path):
        create(path, [picture_entry(1)])
        with pytest.raises(ListExistsError):
            create(path, [picture_entry(2)])
        assert held(path) == [picture_entry(1)]
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize("changed", [{"name": ""}, {"issuer": "a\nb"}, {"valid_until": NOW.replace(tzinfo=None)}])
    def test_refuses_what_a_list_cannot_say(self, path, changed):
        given = {"name": "a", "issuer": "b", "valid_until": None} | changed
        with pytest.raises(InvalidInputError):
            changes.create(path, columns=columns.of_entries([picture_entry()]), now=NOW, **given)
        assert not path.exists()

    def test_a_negative_list_names_nothing_by_md5_or_sha1_alone(self, path):
        weak = picture_entry(1, sha256=None, values=(), md5=digest(1, algorithm=Algorithm.MD5))
        with pytest.raises(WeakNegativeError):
            create(path, [picture_entry(2), weak], policy=Policy(negative=True))
        create(path, [picture_entry(2)], policy=Policy(negative=True))
        with pytest.raises(WeakNegativeError):
            add(path, [weak])


class TestAdd:
    def test_writes_the_next_version_after_what_was_there(self, path):
        create(path, [picture_entry(1)], valid_until=LATER)
        info = add(path, [video_entry(2), picture_entry(1)])
        assert (info.version, info.created_at, info.valid_until) == (2, LATER, LATER)
        assert held(path) == [picture_entry(1), video_entry(2)]
        verify(open_list(path, now=None))

    def test_nothing_new_writes_nothing(self, path):
        create(path, [picture_entry(1)])
        before = path.stat()
        assert add(path, [picture_entry(1)]).version == 1
        assert path.stat() == before

    def test_a_new_validity_is_a_new_version(self, path):
        create(path, [picture_entry(1)], valid_until=NOW)
        assert add(path, [], valid_until=LATER).valid_until == LATER
        assert open_list(path, now=NOW).info.version == 2


class TestRemove:
    def test_removes_every_entry_of_a_depiction(self, path):
        create(path, [picture_entry(1, depiction="a"), picture_entry(2, depiction="b"), video_entry(3, depiction="a")])
        assert changes.remove(path, depictions=["a"], now=LATER).version == 2
        assert held(path) == [picture_entry(2, depiction="b")]

    @pytest.mark.parametrize("algorithm", [Algorithm.SHA256, Algorithm.PDQ])
    def test_removes_what_holds_a_fingerprint(self, path, algorithm):
        create(path, [picture_entry(1), picture_entry(2), video_entry(3)])
        value = picture_entry(1).sha256 if algorithm is Algorithm.SHA256 else picture_entry(1).values[0].pdq
        changes.remove(path, fingerprints=[(algorithm, value)], now=LATER)
        assert held(path) == [picture_entry(2), video_entry(3)]

    def test_removes_a_video_by_one_of_its_frames(self, path):
        create(path, [picture_entry(1), video_entry(3)])
        changes.remove(path, fingerprints=[(Algorithm.PDQ, video_entry(3).frames[2].pdq)], now=LATER)
        assert held(path) == [picture_entry(1)]

    def test_removes_all_or_nothing(self, path):
        create(path, [picture_entry(1)])
        with pytest.raises(NotOnListError, match="1 of 2"):
            changes.remove(path, depictions=["picture 1", "picture 2"], now=LATER)
        with pytest.raises(NotOnListError):
            changes.remove(path, now=LATER)
        assert held(path) == [picture_entry(1)]

    def test_the_last_entry_may_go(self, path):
        create(path, [picture_entry(1)])
        assert changes.remove(path, depictions=["picture 1"], now=LATER).counts.entries == 0


class TestKeys:
    def test_a_signed_list_stays_signed(self, path, tmp_path):
        sealing.make_keys(tmp_path / "k", public_path=tmp_path / "k.public")
        keys = Keys(sign=sealing.signer(tmp_path / "k"), check=sealing.checker([tmp_path / "k.public"]))
        create(path, [picture_entry(1)], keys=keys)
        with pytest.raises(MissingKeyError):
            add(path, [picture_entry(2)])
        add(path, [picture_entry(2)], keys=keys)
        assert open_list(path, now=NOW, keys=keys).info.version == 2

    def test_an_encrypted_list_stays_encrypted(self, path):
        identity = x25519.Identity.generate()
        opening = sealing.decrypter(identities=[str(identity)])
        closing = sealing.encrypter(recipients=[str(identity.to_public())])
        create(path, [picture_entry(1)], keys=Keys(encrypt=closing))
        with pytest.raises(MissingKeyError):
            add(path, [picture_entry(2)], keys=Keys(decrypt=opening))
        with pytest.raises(list_file.LockedListError):
            add(path, [picture_entry(2)], keys=Keys(encrypt=closing))
        add(path, [picture_entry(2)], keys=Keys(decrypt=opening, encrypt=closing))
        assert len(held(path, keys=Keys(decrypt=opening))) == 2


def add_often(path, seeds):
    for seed in seeds:
        while True:
            try:
                add(path, [picture_entry(seed)])
                break
            except ListInUseError:
                time.sleep(0.002)


class TestTwoAtOnce:
    def test_the_second_is_refused_and_says_so(self, path):
        create(path, [picture_entry(1)])
        with changes._taken(path, keys=Keys()), pytest.raises(ListInUseError):
            add(path, [picture_entry(2)])
        assert add(path, [picture_entry(2)]).version == 2

    def test_a_version_published_in_between_is_noticed(self, path, monkeypatch):
        create(path, [picture_entry(1)])
        flock = changes.fcntl.flock

        def after_another(held_file, operation):
            monkeypatch.setattr(changes.fcntl, "flock", flock)
            add(path, [picture_entry(2)])
            flock(held_file, operation)

        monkeypatch.setattr(changes.fcntl, "flock", after_another)
        with pytest.raises(ListInUseError):
            add(path, [picture_entry(3)])
        assert len(held(path)) == 2

    def test_no_change_is_lost_between_processes(self, path):
        create(path, [picture_entry(0)])
        children = []
        for part in (0, 1):
            children.append(os.fork())
            if children[-1] == 0:
                add_often(path, range(1 + 6 * part, 7 + 6 * part))
                os._exit(0)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
        assert {entry.depiction for entry in held(path)} == {f"picture {seed}" for seed in range(13)}
        assert open_list(path, now=NOW).info.version == 13

    def test_a_writer_that_is_killed_leaves_the_list_as_it_was(self, path):
        create(path, [picture_entry(seed) for seed in range(100)])
        before = held(path)
        child = os.fork()
        if child == 0:
            changes.list_file.snapshot.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
            add(path, [picture_entry(1000)])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        assert held(path) == before
        assert add(path, [picture_entry(1000)]).version == 2
