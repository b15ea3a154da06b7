# SPDX-License-Identifier: Apache-2.0
import os
import socket
from pathlib import Path

import pytest

from vigie.evidence import walk
from vigie.evidence.walk import MESSAGES, Refusal, SourceMissingError


def paths(source: Path, **options: Path) -> list[bytes]:
    return [entry.path for entry in walk.walk(source, **options)]


class TestWalk:
    def test_gives_files_by_their_raw_bytes_and_folders_after_the_files_beside_them(self, tmp_path):
        for name in ("b", "a/z", "a/Z", "a/ä", "B", "a.txt", "c/d/e"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        assert paths(tmp_path) == [b"B", b"a.txt", b"b", b"a/Z", b"a/z", "a/ä".encode(), b"c/d/e"]

    def test_gives_size_and_time_of_a_file(self, tmp_path):
        (tmp_path / "a").write_bytes(b"12345")
        os.utime(tmp_path / "a", ns=(1, 1_700_000_000_123_456_789))
        (entry,) = walk.walk(tmp_path)
        assert (entry.kind, entry.size_bytes, entry.modified_us, entry.refusal) == (
            "file",
            5,
            1_700_000_000_123_456,
            None,
        )

    def test_gives_names_that_are_not_utf8_or_hold_line_breaks_as_they_are(self, tmp_path):
        for name in (b"\xff\xfe.jpg", b"two\nlines", b"\xe2\x80\xae.gpj"):
            (Path(os.fsdecode(bytes(tmp_path) + b"/" + name))).touch()
        assert paths(tmp_path) == [b"two\nlines", b"\xe2\x80\xae.gpj", b"\xff\xfe.jpg"]

    @pytest.mark.parametrize(
        ("at_ns", "told"),
        [(1_700_000_000_123_456_789, 1_700_000_000_123_456), (10**30, None), (-(10**30), None), (0, 0), (-1, -1)],
    )
    def test_leaves_out_times_that_no_calendar_holds(self, at_ns, told):
        assert walk.calendar_us(at_ns) == told

    def test_names_every_entry_it_does_not_open(self, tmp_path):
        (tmp_path / "link").symlink_to("nowhere")
        (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
        os.mkfifo(tmp_path / "pipe")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "socket"))
            found = {entry.path: (entry.kind, entry.refusal) for entry in walk.walk(tmp_path)}
        assert found == {
            b"link": ("link", Refusal.LINK),
            b"loop": ("link", Refusal.LINK),
            b"pipe": ("fifo", Refusal.FIFO),
            b"socket": ("socket", Refusal.SOCKET),
        }

    def test_names_devices(self):
        found = {entry.path: (entry.kind, entry.refusal) for entry in walk.walk(Path("/dev"))}
        assert found[b"null"] == ("device", Refusal.DEVICE)

    def test_says_that_the_result_folder_is_left_out(self, tmp_path):
        (tmp_path / "result" / "parts").mkdir(parents=True)
        (tmp_path / "result" / "ledger.sqlite").touch()
        (tmp_path / "kept").touch()
        found = [(e.path, e.refusal) for e in walk.walk(tmp_path, leave_out=tmp_path / "result")]
        assert found == [(b"kept", None), (b"result", Refusal.RESULT_FOLDER)]

    def test_says_which_folder_could_not_be_opened(self, tmp_path, monkeypatch):
        (tmp_path / "shut").mkdir()
        (tmp_path / "z").mkdir()
        (tmp_path / "z" / "seen").touch()
        really_open = walk.open_folder

        def refuse(root: int, path: bytes) -> int:
            if path == b"shut":
                raise PermissionError
            return really_open(root, path)

        monkeypatch.setattr(walk, "open_folder", refuse)
        assert [(e.path, e.refusal) for e in walk.walk(tmp_path)] == [
            (b"shut", Refusal.UNREADABLE_FOLDER),
            (b"z/seen", None),
        ]

    def test_a_folder_replaced_by_a_link_is_not_followed(self, tmp_path):
        (tmp_path / "source" / "a").mkdir(parents=True)
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "secret").touch()
        root = walk.open_source(tmp_path / "source")
        try:
            (tmp_path / "source" / "a").rmdir()
            (tmp_path / "source" / "a").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
            with pytest.raises(OSError, match="directory"):
                walk.open_folder(root, b"a")
        finally:
            os.close(root)

    def test_a_tree_deeper_than_any_path_ends_in_a_row_that_says_so(self, tmp_path):
        folder = os.open(tmp_path, os.O_RDONLY)
        for _ in range(30):
            name = b"d" * 200
            os.mkdir(name, dir_fd=folder)
            below = os.open(name, os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = below
        os.close(folder)
        (entry,) = walk.walk(tmp_path)
        assert entry.refusal is Refusal.TOO_DEEP
        assert walk.PATH_LIMIT_BYTES < len(entry.path) <= walk.PATH_LIMIT_BYTES + 201

    def test_a_folder_of_more_names_than_a_run_comes_in_the_same_order(self, tmp_path, monkeypatch):
        for number in range(57):
            (tmp_path / f"{number * 7919 % 57}\n{number}").touch()
        whole = paths(tmp_path)
        monkeypatch.setattr(walk, "RUN_NAMES", 10)
        assert paths(tmp_path, scratch=tmp_path) == whole == sorted(whole)

    def test_refuses_a_source_that_is_no_folder(self, tmp_path):
        (tmp_path / "file").touch()
        for source in (tmp_path / "file", tmp_path / "missing"):
            with pytest.raises(SourceMissingError):
                paths(source)

    def test_every_refusal_has_its_sentence(self):
        assert set(MESSAGES) == set(Refusal)
