# SPDX-License-Identifier: Apache-2.0
import os
import socket
import threading
from pathlib import Path

import pytest

from vigie.fingerprints import digests, source
from vigie.fingerprints.source import (
    ChangedSourceError,
    MissingSourceError,
    NotRegularSourceError,
    UnreadableSourceError,
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "content"
    path.write_bytes(b"content")
    return path


def fifo(folder):
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def listening(folder):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
    return folder / "socket"


def link(folder):
    (folder / "link").symlink_to(folder / "content")
    return folder / "link"


def circle(folder):
    (folder / "circle").symlink_to(folder / "circle")
    return folder / "circle"


TRAPS = {
    "fifo": fifo,
    "socket": listening,
    "link to a file": link,
    "link to itself": circle,
    "folder": lambda folder: folder,
    "device": lambda _: "/dev/zero",
    "terminal": lambda _: "/dev/tty",
}


class TestOpened:
    def test_reads_a_file_once(self, file):
        with source.opened(file) as opened:
            assert opened.size_bytes == 7
            assert opened.digests() == digests.of_bytes(b"content")
            opened.check_unchanged()

    def test_opens_names_of_any_bytes(self, tmp_path):
        name = os.fsencode(tmp_path) + b"/\xff\n\xfe"
        with open(name, "wb") as made:  # noqa: PTH123 - a name that is no text
            made.write(b"content")
        with source.opened(name) as opened:
            assert opened.size_bytes == 7

    def test_opens_names_in_an_open_folder(self, file):
        folder = os.open(file.parent, os.O_RDONLY)
        with source.opened(b"content", folder=folder) as opened:
            assert opened.size_bytes == 7
        os.close(folder)

    @pytest.mark.timeout(10)
    @pytest.mark.parametrize("made", TRAPS.values(), ids=TRAPS)
    def test_opens_no(self, file, made):
        with pytest.raises((NotRegularSourceError, UnreadableSourceError)), source.opened(made(file.parent)):
            pass

    def test_stays_out_of_a_trap_that_is_put_in_the_place_of_a_file(self, tmp_path):
        """A name that changes back and forth between a file and a FIFO is opened as a file or not at all."""
        (tmp_path / "file").write_bytes(b"content")
        os.mkfifo(tmp_path / "fifo")
        stop = threading.Event()

        def swap() -> None:
            while not stop.is_set():
                for kind in ("fifo", "file"):
                    os.link(tmp_path / kind, tmp_path / "next")
                    os.replace(tmp_path / "next", tmp_path / "name")  # noqa: PTH105 - as fast as it goes

        swapping = threading.Thread(target=swap)
        os.link(tmp_path / "file", tmp_path / "name")
        swapping.start()
        try:
            for _ in range(300):
                try:
                    with source.opened(tmp_path / "name") as opened:
                        assert opened.size_bytes == 7
                except NotRegularSourceError:
                    continue
        finally:
            stop.set()
            swapping.join()

    def test_says_that_there_is_no_such_file(self, tmp_path):
        with pytest.raises(MissingSourceError), source.opened(tmp_path / "absent"):
            pass

    def test_says_why_a_file_cannot_be_read(self, monkeypatch, file):
        def refuse(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(UnreadableSourceError, match="Permission denied"), source.opened(file):
            pass

    def test_does_without_leaving_the_access_time_alone(self, monkeypatch, file):
        openly = os.open

        def refuse(path, flags, *arguments, **options):
            if flags & os.O_NOATIME:
                raise PermissionError(1, "Operation not permitted")
            return openly(path, flags, *arguments, **options)

        monkeypatch.setattr(os, "open", refuse)
        with source.opened(file) as opened:
            assert opened.size_bytes == 7

    def test_leaves_no_file_open(self, file):
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(NotRegularSourceError), source.opened(file.parent):
            pass
        with pytest.raises(ZeroDivisionError), source.opened(file):
            _ = 1 / 0
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    def test_leaves_the_times_of_the_file_alone(self, file):
        os.utime(file, ns=(1, 1))
        with source.opened(file) as opened:
            opened.digests()
        assert (file.stat().st_atime_ns, file.stat().st_mtime_ns) == (1, 1)


class TestSource:
    def test_notices_that_the_file_grew(self, file):
        with source.opened(file) as opened:
            with file.open("ab") as writer:
                writer.write(b"more")
            with pytest.raises(ChangedSourceError):
                opened.digests()
            with pytest.raises(ChangedSourceError):
                opened.check_unchanged()

    def test_notices_that_the_file_was_overwritten(self, file):
        with source.opened(file) as opened:
            file.write_bytes(b"CONTENT")
            os.utime(file, ns=(5, 5))
            opened.digests()
            with pytest.raises(ChangedSourceError):
                opened.check_unchanged()

    def test_is_what_was_opened_where_the_name_changes_hands(self, file):
        with source.opened(file) as opened:
            file.unlink()
            file.write_bytes(b"another")
            assert opened.digests() == digests.of_bytes(b"content")
            opened.check_unchanged()

    def test_says_that_the_medium_fails(self, file, monkeypatch):
        def fail(*_):
            raise OSError(5, "Input/output error")

        with source.opened(file) as opened:
            monkeypatch.setattr(os, "preadv", fail)
            with pytest.raises(UnreadableSourceError, match="Input/output error"):
                opened.digests()
