# SPDX-License-Identifier: Apache-2.0
import fcntl
import io
import json
import os
import resource
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta

import pyrage
import pytest

from node.features.backup import nodes
from vigie_node.audit import heads
from vigie_node.cli import backup_files

SOURCES = "SELECT count(*) FROM catalogue_source"


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """A node without records."""
    return nodes.make(tmp_path_factory.mktemp("blank"))


@pytest.fixture(scope="module")
def source(tmp_path_factory, blank):
    """A node that has written a little."""
    node = nodes.make(tmp_path_factory.mktemp("nodes") / "source", like=blank)
    node.write(5)
    return node


@pytest.fixture(scope="module")
def backup(source, tmp_path_factory):
    file = tmp_path_factory.mktemp("backups") / "one.vigie-backup"
    source.records("backup", file)
    return file


@pytest.fixture
def empty(tmp_path, blank):
    """Another node, without records, with the same signing key."""
    return nodes.make(tmp_path / "empty", like=blank)


@pytest.fixture
def identity(tmp_path):
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "identity").write_text(f"# kept offline\n{key}\n")
    return tmp_path / "identity", str(key.to_public())


def manifest_of(file):
    with tarfile.open(file) as archive:
        return json.load(archive.extractfile("manifest.json"))


def altered(file, to, *, change_manifest=lambda fields: fields, change_part=lambda content: content, leave_out=""):
    """Write the backup again, with something in it changed."""
    with tarfile.open(file) as archive, tarfile.open(to, "w") as target:
        for member in archive:
            content = archive.extractfile(member).read()
            if member.name == "manifest.json":
                content = json.dumps(change_manifest(json.loads(content))).encode()
            else:
                content = change_part(content)
            if member.name != leave_out:
                member.size = len(content)
                target.addfile(member, io.BytesIO(content))
    return to


def without_traces(node, folder):
    """Nothing half done lies about: not in the folder of backups, not in the node's home."""
    return not [one for one in [*folder.iterdir(), *node.home.iterdir()] if one.name.startswith(".")]


class TestBackupAndRestore:
    def test_a_busy_node_comes_back_as_it_was_at_one_moment(self, tmp_path, source, empty):
        with source.busy() as acknowledged:
            before = [acknowledged() for _ in range(20)][-1]
            source.records("backup", tmp_path / "busy.vigie-backup")
            after = [acknowledged() for _ in range(20)][-1]
        assert after > before  # it went on writing meanwhile

        (told,) = empty.records("restore", tmp_path / "busy.vigie-backup")
        manifest = manifest_of(tmp_path / "busy.vigie-backup")
        assert told["audit_size"] == manifest["audit_head"]["size"]
        (held,) = empty.ask(SOURCES)
        assert before <= int(held) <= int(source.ask(SOURCES)[0])

        # Both histories hold the head of that moment.
        (tmp_path / "head.json").write_text(json.dumps(manifest["audit_head"]))
        for node in (source, empty):
            assert node.records("audit", "verify", "--against", tmp_path / "head.json")[-1]["is_whole"]

        # The restored node goes on.
        empty.write(2)
        assert empty.records("audit", "verify", "--against", tmp_path / "head.json")[-1]["is_whole"]
        assert without_traces(empty, tmp_path)

    def test_is_encrypted_where_recipients_are_named(self, tmp_path, source, empty, identity):
        file, recipient = tmp_path / "sealed.vigie-backup", identity[1]
        source.records("backup", file, "--recipient", recipient)
        assert b"manifest" not in file.read_bytes()
        without = empty.run("restore", file)
        assert (without.returncode, "[backup.sealed]" in without.stderr) == (2, True)
        (tmp_path / "other").write_text(str(pyrage.x25519.Identity.generate()))
        other = empty.run("restore", file, "--identity", tmp_path / "other")
        assert (other.returncode, "[backup.damaged]" in other.stderr) == (6, True)
        empty.records("restore", file, "--identity", identity[0])
        assert empty.ask(SOURCES) == source.ask(SOURCES)
        assert without_traces(empty, tmp_path)

    def test_leaves_a_record_on_both_sides(self, source, backup, empty):
        empty.records("restore", backup)
        for node, event in ((source, "BACKUP_MADE"), (empty, "BACKUP_RESTORED")):
            node.write(1)
            assert node.ask(f"SELECT count(*) FROM audit_event WHERE event = '{event}'") != ["0"]

    def test_is_for_the_nodes_user_alone(self, backup):
        assert backup.stat().st_mode & 0o077 == 0

    def test_sessions_and_indexes_do_not_come_back(self, tmp_path, empty, blank):
        node = nodes.make(tmp_path / "signed-in", like=blank)
        node.ask(
            "INSERT INTO django_session VALUES ('k', 'd', '2099-01-01 00:00:00+00:00')",
            'INSERT INTO matching_snapshot (id, "index", position, folder, rows, published_at)'
            " VALUES ('018f00000000700080000000000000aa', 'seen', 1, 'seen-x', '{}', '2026-01-01 00:00:00+00:00')",
        )
        node.write(1)
        node.records("backup", tmp_path / "node.vigie-backup")
        (empty.home / "indexes" / "seen-x").mkdir()
        empty.records("restore", tmp_path / "node.vigie-backup")
        assert empty.ask("SELECT count(*) FROM django_session", "SELECT count(*) FROM matching_snapshot") == ["0", "0"]
        assert list((empty.home / "indexes").iterdir()) == []

    def test_an_older_backup_is_migrated(self, tmp_path, empty, blank):
        node = nodes.make(tmp_path / "older", like=blank)
        node.django("migrate", "audit", "0001", "--verbosity=0")
        node.write(1)
        node.records("backup", tmp_path / "node.vigie-backup")
        (told,) = empty.records("restore", tmp_path / "node.vigie-backup")
        assert told["migrations"] == 1
        empty.write(1)
        with pytest.raises(AssertionError):
            empty.ask("DELETE FROM audit_event")

    def test_what_fell_due_meanwhile_is_deleted(self, tmp_path, empty, blank):
        node = nodes.make(tmp_path / "due", like=blank)
        node.see(expires_in_days=-1)
        node.see(expires_in_days=1)
        node.records("backup", tmp_path / "node.vigie-backup")
        (told,) = empty.records("restore", tmp_path / "node.vigie-backup")
        assert told["expired"] == 1
        assert empty.ask("SELECT count(*) FROM sightings_sighting") == ["1"]

    def test_what_was_deleted_is_not_in_the_copy(self, tmp_path, blank):
        node = nodes.make(tmp_path / "deleting", like=blank)
        node.ask(
            "INSERT INTO django_session VALUES ('gone-for-good', 'd', '2099-01-01 00:00:00+00:00')",
            "DELETE FROM django_session",
        )
        node.write(1)
        node.records("backup", tmp_path / "node.vigie-backup")
        with backup_files.opened(tmp_path / "node.vigie-backup", keys=[], scratch=tmp_path) as (_, unpack):
            unpack(tmp_path / "copy")
        assert b"gone-for-good" not in (tmp_path / "copy").read_bytes()


class TestCutOff:
    def test_a_restore_that_was_cut_off_is_done_again_before_the_node_starts(self, backup, empty):
        empty.write(1)  # as far as it came
        (empty.home / "run" / "restoring").touch()
        for command in (["up"], ["serve", "worker"], ["demo"], ["init"], ["key", "list"], ["backup", "anywhere"]):
            refused = empty.run(*command)
            assert (refused.returncode, "[node.half-restored]" in refused.stderr) == (5, True)
        empty.records("restore", backup)
        assert not (empty.home / "run" / "restoring").exists()
        assert empty.ask(SOURCES) != ["1"]

    def test_what_it_left_in_clear_is_swept_by_the_next(self, tmp_path, source):
        left = source.home / ".backup-killed"
        left.mkdir()
        (left / "database.sqlite3").write_bytes(b"in clear")
        held = source.home / ".backup-at-work"
        held.mkdir()
        descriptor = os.open(held, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        source.records("backup", tmp_path / "next.vigie-backup")
        os.close(descriptor)
        assert (left.exists(), held.exists()) == (False, True)
        held.rmdir()


class TestRestoreRefuses:
    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"change_part": lambda content: content[:-1] + bytes([content[-1] ^ 1])}, "backup.damaged"),
            ({"change_part": lambda content: content[:-10]}, "backup.damaged"),
            ({"leave_out": "manifest.json"}, "backup.damaged"),
            ({"leave_out": "database"}, "backup.damaged"),
            ({"change_manifest": lambda fields: fields | {"format": "vigie-node-backup/9"}}, "backup.damaged"),
            ({"change_manifest": lambda fields: fields | {"parts": []}}, "backup.damaged"),
            ({"change_manifest": lambda fields: fields | {"database": "other"}}, "backup.other-database"),
            ({"change_manifest": lambda fields: fields | {"migrations": ["audit.9999_later"]}}, "backup.newer"),
            (
                {"change_manifest": lambda fields: fields | {"audit_head": fields["audit_head"] | {"size": 1}}},
                "audit.false-head",
            ),
        ],
    )
    def test_a_backup_that_was_altered(self, tmp_path, backup, empty, change, code):
        if change.get("leave_out") == "database":
            change = {"leave_out": manifest_of(backup)["parts"][0]["name"]}
        refused = empty.run("restore", altered(backup, tmp_path / "altered", **change))
        assert refused.returncode in {5, 6}
        assert f"[{code}]" in refused.stderr
        assert empty.ask(SOURCES) == ["0"]

    @pytest.mark.parametrize("content", [b"", b"nothing", bytes(10240), b"age-encryption.org/v1\n-> X25519 x\n"])
    def test_a_file_that_is_no_backup(self, tmp_path, empty, identity, content):
        (tmp_path / "file").write_bytes(content)
        refused = empty.run("restore", tmp_path / "file", "--identity", identity[0])
        assert (refused.returncode, "[backup.damaged]" in refused.stderr) == (6, True)

    def test_a_backup_that_was_cut_off(self, tmp_path, backup, empty):
        (tmp_path / "cut").write_bytes(backup.read_bytes()[:-30_000])
        refused = empty.run("restore", tmp_path / "cut")
        assert (refused.returncode, "[backup.damaged]" in refused.stderr) == (6, True)

    def test_a_file_that_is_not_there(self, tmp_path, empty):
        assert empty.run("restore", tmp_path / "absent").returncode == 3

    def test_a_node_that_holds_records(self, backup, source):
        refused = source.run("restore", backup)
        assert (refused.returncode, "[backup.not-empty]" in refused.stderr) == (5, True)

    def test_a_node_that_runs(self, backup, empty):
        descriptor = os.open(empty.home / "run" / "supervisor.lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        refused = empty.run("restore", backup)
        os.close(descriptor)
        assert (refused.returncode, "[node.already-up]" in refused.stderr) == (5, True)

    def test_a_backup_signed_by_a_key_that_nobody_vouches_for(self, tmp_path, backup, source, blank):
        (tmp_path / "key").write_text(heads.new_signing_key())
        stranger = nodes.make(tmp_path / "stranger", like=blank, key=tmp_path / "key")
        refused = stranger.run("restore", backup)
        assert (refused.returncode, "[audit.false-head]" in refused.stderr) == (6, True)
        key = heads.Signer((source.home / "secrets" / "signing_key").read_text()).public_key
        (tmp_path / "source.pub").write_text(heads.public_line(key))
        stranger.records("restore", backup, "--key", tmp_path / "source.pub")
        assert stranger.ask(SOURCES) != ["0"]

    def test_nothing_is_changed_by_a_check(self, backup, empty):
        assert empty.records("restore", backup, "--check")[0]["whole"]
        assert empty.ask(SOURCES) == ["0"]


class TestBackupRefuses:
    def test_a_database_that_is_no_node(self, tmp_path):
        node = nodes.Node(tmp_path, {"VIGIE_DATABASE_URL": f"sqlite://{tmp_path / 'nothing.sqlite3'}"})
        refused = node.run("backup", tmp_path / "x")
        assert (refused.returncode, "[backup.nothing]" in refused.stderr) == (3, True)

    def test_to_write_over_a_file(self, source, backup):
        before = backup.read_bytes()
        refused = source.run("backup", backup)
        assert (refused.returncode, "[backup.exists]" in refused.stderr) == (5, True)
        assert backup.read_bytes() == before

    def test_a_recipient_that_is_none(self, tmp_path, source):
        refused = source.run("backup", tmp_path / "x", "--recipient", "age1nobody")
        assert (refused.returncode, "[backup.malformed-recipient]" in refused.stderr) == (2, True)

    def test_a_folder_that_is_not_there(self, tmp_path, source):
        refused = source.run("backup", tmp_path / "absent" / "x")
        assert refused.returncode != 0
        assert "vigie-node:" in refused.stderr

    @pytest.mark.parametrize(
        ("days", "said"), [("0", "[backup.not-a-folder]"), ("-1", "0 to 36500"), ("99999999999", "0 to 36500")]
    )
    def test_to_keep_backups_for_no_time_or_for_ever(self, tmp_path, source, days, said):
        refused = source.run("backup", tmp_path, "--keep-days", days)
        assert (refused.returncode, said in refused.stderr) == (2, True)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("limit", [20_000, 200_000])
    @pytest.mark.parametrize("sealed", [False, True])
    def test_a_medium_that_is_full_and_leaves_nothing_half_written(
        self, tmp_path, source, monkeypatch, limit, sealed, identity
    ):
        # A limit on the size of files stands for the full medium: the system answers the same way, at any byte.
        def short():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        run = subprocess.run
        monkeypatch.setattr(subprocess, "run", lambda *given, **options: run(*given, preexec_fn=short, **options))
        target = tmp_path / "backups"
        target.mkdir()
        refused = source.run("backup", target, *(["--recipient", identity[1]] if sealed else []))
        assert refused.returncode == 8, refused.stderr
        assert "free space" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert list(target.iterdir()) == []
        assert without_traces(source, target)


class TestPruning:
    def test_old_backups_go_and_nothing_else(self, tmp_path, source):
        now = datetime.now(UTC)
        made = {}
        for days in (1, 9, 11, 400):
            made[days] = backup_files.named(tmp_path, now=now - timedelta(days=days))
            made[days].write_text("older")
        for name in ("vigie-node-notes.vigie-backup", "other.vigie-backup", "vigie-node-20200101T000000Z.txt"):
            (tmp_path / name).write_text("of somebody else")
        (told,) = source.records("backup", tmp_path, "--keep-days", "10")
        left = {one.name for one in tmp_path.iterdir()}
        assert told["pruned"] == 2
        assert {made[1].name, made[9].name, told["file"].rpartition("/")[2]} <= left
        assert len(left) == 6

    def test_without_a_limit_all_are_kept(self, tmp_path, source):
        old = backup_files.named(tmp_path, now=datetime(2001, 1, 1, tzinfo=UTC))
        old.write_text("older")
        source.records("backup", tmp_path)
        assert old.exists()
