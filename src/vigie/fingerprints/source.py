# SPDX-License-Identifier: Apache-2.0
"""Open what is examined so that looking changes nothing and a trap stays shut.

- Only regular files are opened. A FIFO, a socket or a device is never opened, a link never followed.
- Files are opened for reading alone, without touching their access time where the system allows that.
- A file that changed while it was read is said to have: its fingerprints would belong to no content.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vigie.errors import InvalidInputError, NotFoundError, UnreadableError
from vigie.fingerprints import digests
from vigie.fingerprints.values import Digests

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NO_ACCESS_TIME: Final = getattr(os, "O_NOATIME", 0)


class MissingSourceError(NotFoundError):
    """There is no such file."""

    code = "source.missing"


class NotRegularSourceError(InvalidInputError):
    """A link, a folder, a FIFO, a socket or a device: not opened."""

    code = "source.not-a-regular-file"


class UnreadableSourceError(UnreadableError):
    """The system does not let the file be read, or the medium fails."""

    code = "source.unreadable"


class ChangedSourceError(UnreadableError):
    """The file changed while it was read."""

    code = "source.changed-while-read"


@dataclass(frozen=True, slots=True)
class Source:
    """An open file, and what it was like when it was opened."""

    descriptor: int
    size_bytes: int
    modified_ns: int
    identity: tuple[int, int]

    def digests(self) -> Digests:
        """Read the whole file once and return its exact digests.

        Raises:  UnreadableSourceError; ChangedSourceError where it was longer or shorter than when it was opened.
        """
        try:
            found, read_bytes = digests.of_descriptor(self.descriptor)
        except OSError as error:
            raise _unreadable(error) from error
        if read_bytes != self.size_bytes:
            raise _changed()
        return found

    def check_unchanged(self) -> None:
        """Refuse what was read where the file is no longer what was opened.

        Raises:  ChangedSourceError.
        """
        if _described(self.descriptor) != self:
            raise _changed()


@contextlib.contextmanager
def opened(path: str | bytes | os.PathLike[str], *, folder: int | None = None) -> Iterator[Source]:
    """Open a regular file for reading; `folder` is the descriptor that a relative path starts from.

    Raises:  MissingSourceError, NotRegularSourceError, UnreadableSourceError.
    """
    descriptor = _open(path, folder)
    try:
        yield _described(descriptor)
    finally:
        os.close(descriptor)


def _open(path: str | bytes | os.PathLike[str], folder: int | None) -> int:
    try:
        _check_regular(os.stat(path, dir_fd=folder, follow_symlinks=False))
        try:
            descriptor = os.open(path, _FLAGS | _NO_ACCESS_TIME, dir_fd=folder)
        except PermissionError:  # the access time is its owner's to leave alone; others may only read
            descriptor = os.open(path, _FLAGS, dir_fd=folder)
    except FileNotFoundError as error:
        raise MissingSourceError("there is no such file: check the path") from error
    except OSError as error:
        raise _unreadable(error) from error
    try:
        _check_regular(os.fstat(descriptor))  # the name may stand for something else by now
    except NotRegularSourceError:
        os.close(descriptor)
        raise
    return descriptor


def _described(descriptor: int) -> Source:
    now = os.fstat(descriptor)
    return Source(descriptor, now.st_size, now.st_mtime_ns, (now.st_dev, now.st_ino))


def _check_regular(what: os.stat_result) -> None:
    if not stat.S_ISREG(what.st_mode):
        raise NotRegularSourceError("neither links nor FIFOs, sockets, devices or folders are opened: name a file")


def _changed() -> ChangedSourceError:
    return ChangedSourceError("the file changed while it was read: examine it again when nothing writes to it")


def _unreadable(error: OSError) -> UnreadableSourceError:
    reason = os.strerror(error.errno) if error.errno else "unknown reason"
    return UnreadableSourceError(f"the file cannot be read ({reason}): check permissions and medium")
