# SPDX-License-Identifier: Apache-2.0
"""Every entry of a folder tree, in one order, each with why it cannot be examined where it cannot.

- Nothing is opened but folders, each component by itself and never through a link: no path leads out of the source
  or in circles, even where the tree is changed meanwhile.
- The order is fixed: a folder's files by the raw bytes of their names, then its folders likewise, one after the other.
- Nothing is left out: links, FIFOs, sockets, devices, folders that cannot be read and the folder of the result itself
  are entries with a reason. Folders that could be read are not entries; entries of other file systems are.
- Memory stays bounded: names beyond RUN_NAMES of one folder wait in a sorted scratch file.
"""

import heapq
import os
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from msgspec import Struct

from vigie.errors import NotFoundError

PATH_LIMIT_BYTES = 4096  # what Linux accepts as one path; deeper trees are made to trouble programs
RUN_NAMES = 500_000  # about 50 MB of names

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class SourceMissingError(NotFoundError):
    """What should be walked is not a folder that can be opened."""

    code = "walk.source-missing"


class Refusal(StrEnum):
    """Why an entry cannot be examined; the value is its code in results."""

    LINK = "walk.link"
    FIFO = "walk.fifo"
    SOCKET = "walk.socket"
    DEVICE = "walk.device"
    UNNAMED = "walk.unnamed-kind"
    RESULT_FOLDER = "walk.result-folder"
    UNREADABLE_FOLDER = "walk.unreadable-folder"
    UNREADABLE_ENTRY = "walk.unreadable-entry"
    TOO_DEEP = "walk.path-too-long"


MESSAGES: dict[str, str] = {
    Refusal.LINK: "A symbolic link: links are not followed; what it points to is examined where it lies.",
    Refusal.FIFO: "A named pipe: it holds no content and is not opened.",
    Refusal.SOCKET: "A socket: it holds no content and is not opened.",
    Refusal.DEVICE: "A device: devices are not opened; make an image of it and scan that.",
    Refusal.UNNAMED: "Neither file nor folder: it is not opened.",
    Refusal.RESULT_FOLDER: "The folder this scan writes to: its own files are not examined.",
    Refusal.UNREADABLE_FOLDER: "The folder could not be read to its end: check permissions and medium, then scan it.",
    Refusal.UNREADABLE_ENTRY: "The entry could not be looked at: check permissions and medium, then scan it.",
    Refusal.TOO_DEEP: "The path is longer than 4096 bytes: move the folder nearer to the root, then scan it.",
}

_EARLIEST_US = int(datetime(1, 1, 2, tzinfo=UTC).timestamp()) * 10**6
_LATEST_US = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp()) * 10**6

_REFUSED_KINDS = {
    stat.S_IFLNK: ("link", Refusal.LINK),
    stat.S_IFIFO: ("fifo", Refusal.FIFO),
    stat.S_IFSOCK: ("socket", Refusal.SOCKET),
    stat.S_IFCHR: ("device", Refusal.DEVICE),
    stat.S_IFBLK: ("device", Refusal.DEVICE),
}


class Entry(Struct, frozen=True, array_like=True):
    """One entry: its path from the source (raw bytes, joined by `/`), and why it is refused, if it is.

    `modified_us` counts microseconds since 1970, UTC; it is None where no calendar holds the time.
    """

    path: bytes
    kind: str
    size_bytes: int = 0
    modified_us: int | None = None
    refusal: str | None = None


def walk(source: Path, *, leave_out: Path | None = None, scratch: Path | None = None) -> Iterator[Entry]:
    """Give every entry below a folder.

    Order:   as the module says; the same on every run over the same tree.
    Raises:  SourceMissingError if the source is not a folder that can be opened.
    """
    root = open_source(source)
    try:
        own = _identity(leave_out)
        pending = [b""]
        while pending:
            folder = pending.pop()
            subfolders: list[bytes] = []
            for entry in _entries(root, folder, scratch, own):
                if entry.kind == "folder" and entry.refusal is None:
                    subfolders.append(entry.path)
                else:
                    yield entry
            pending.extend(reversed(subfolders))
    finally:
        os.close(root)


def open_source(source: Path) -> int:
    """Open the folder that a scan reads; the caller closes the descriptor.

    Raises:  SourceMissingError if it is not a folder that can be opened.
    """
    try:
        return os.open(source, _FOLDER & ~os.O_NOFOLLOW)
    except OSError as error:
        raise SourceMissingError("the source is not a folder that can be opened: check its path") from error


def open_folder(root: int, path: bytes) -> int:
    """Open a folder below an open one, component by component, through no link; the caller closes the descriptor.

    Raises:  OSError as the system says it.
    """
    folder = os.dup(root)
    for name in filter(None, path.split(b"/")):
        try:
            below = os.open(name, _FOLDER, dir_fd=folder)
        finally:
            os.close(folder)
        folder = below
    return folder


def calendar_us(time_ns: int) -> int | None:
    """Give a file's time in microseconds since 1970; None where no calendar holds it."""
    told = time_ns // 1000
    return told if _EARLIEST_US < told < _LATEST_US else None


def _entries(root: int, path: bytes, scratch: Path | None, own: tuple[int, int] | None) -> Iterator[Entry]:
    if len(path) > PATH_LIMIT_BYTES:
        yield Entry(path, "folder", refusal=Refusal.TOO_DEEP)
        return
    try:
        folder = open_folder(root, path)
    except OSError:
        yield Entry(path, "folder", refusal=Refusal.UNREADABLE_FOLDER)
        return
    try:
        about = os.fstat(folder)
        if (about.st_dev, about.st_ino) == own:
            yield Entry(path, "folder", 0, calendar_us(about.st_mtime_ns), Refusal.RESULT_FOLDER)
            return
        prefix = path + b"/" if path else b""
        names, broke = _sorted_names(folder, scratch)
        for name in names:
            yield _look_at(prefix + name, name, folder)
        if broke:
            yield Entry(path or b".", "folder", 0, calendar_us(about.st_mtime_ns), Refusal.UNREADABLE_FOLDER)
    finally:
        os.close(folder)


def _look_at(path: bytes, name: bytes, folder: int) -> Entry:
    try:
        about = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return Entry(path, "unnamed", refusal=Refusal.UNREADABLE_ENTRY)
    mode = stat.S_IFMT(about.st_mode)
    if mode == stat.S_IFREG:
        return Entry(path, "file", about.st_size, calendar_us(about.st_mtime_ns))
    if mode == stat.S_IFDIR:
        return Entry(path, "folder", 0, calendar_us(about.st_mtime_ns))
    kind, refusal = _REFUSED_KINDS.get(mode, ("unnamed", Refusal.UNNAMED))
    return Entry(path, kind, 0, calendar_us(about.st_mtime_ns), refusal)


def _sorted_names(folder: int, scratch: Path | None) -> tuple[Iterator[bytes], bool]:
    """Give the names in an open folder by their bytes, and whether the system broke off before the last."""
    runs: list[Iterator[bytes]] = []
    names: list[bytes] = []
    broke = False
    with os.scandir(folder) as found:
        while True:
            try:
                entry = next(found, None)
            except OSError:
                broke = True
                break
            if entry is None:
                break
            names.append(os.fsencode(entry.name))
            if len(names) >= RUN_NAMES:
                runs.append(_set_aside(sorted(names), scratch))
                names.clear()
    return heapq.merge(*runs, sorted(names)), broke


def _set_aside(names: list[bytes], scratch: Path | None) -> Iterator[bytes]:
    # Hexadecimal lines sort as the bytes do, and a name may hold a line break.
    run = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  (closed by the generator that reads it)
    run.writelines(name.hex().encode() + b"\n" for name in names)
    run.seek(0)
    return _read_back(run)


def _read_back(run: IO[bytes]) -> Iterator[bytes]:
    with run:
        for line in run:
            yield bytes.fromhex(line[:-1].decode())


def _identity(folder: Path | None) -> tuple[int, int] | None:
    if folder is None:
        return None
    about = folder.stat()
    return about.st_dev, about.st_ino
