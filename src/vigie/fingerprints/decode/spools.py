# SPDX-License-Identifier: Apache-2.0
"""Where the content of archive members is kept while it is looked at: in memory, above that in one scratch file.

- The spool is a stack: what was put last is let go first, and the scratch file shrinks with it. All that is held at
  one time, nested archives included, shares the same memory.
- The scratch file is an open file without a name; nothing in it can be reached from outside.
- A window shows a part of a file as a file of its own, without a name and without writing.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

_BUFFER_BYTES = 256 * 1024


class NoRoomError(Exception):
    """Neither the memory nor the scratch file can take more."""


class _Window(io.RawIOBase):
    def __init__(self, file: BinaryIO, begin: int, size: int) -> None:
        self._file, self._begin, self._size, self._at = file, begin, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("a file has nothing before its beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]  # as io calls it
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._begin + self._at)
        block = self._file.read(wanted)
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)


def window(file: BinaryIO, *, begin: int, size_bytes: int) -> BinaryIO:
    """Return a part of a file as a file: reading and seeking in it move the whole file's position.

    Where the file is shorter than it says, the window ends where the file does.
    """
    return cast("BinaryIO", io.BufferedReader(_Window(file, begin, size_bytes), _BUFFER_BYTES))


class Slot:
    """One content on its way into a spool, then to be read from it. It is valid as long as the spool holds it."""

    def __init__(self, spool: "Spool") -> None:
        self._spool = spool
        self._memory: io.BytesIO | None = io.BytesIO()
        self._begin = spool.scratch_end
        self.size_bytes = 0

    def write(self, block: bytes) -> None:
        """Take in the next block.

        Raises:  NoRoomError.
        """
        if self._memory is not None and len(block) <= self._spool.memory_left:
            self._memory.write(block)
            self._spool.memory_left -= len(block)
        else:
            self._spill()
            self._spool.append(block)
        self.size_bytes += len(block)

    def opened(self) -> BinaryIO:
        """Return the content as a file that stands at its beginning."""
        if self._memory is not None:
            self._memory.seek(0)
            return self._memory
        return self._spool.window(self._begin, self.size_bytes)

    def let_go(self) -> None:
        """Give back the room."""
        if self._memory is not None:
            self._spool.memory_left += self.size_bytes
            self._memory.close()
        else:
            self._spool.cut(self._begin)

    def _spill(self) -> None:
        """Move what is in memory into the scratch file: from here on, this content is there."""
        if self._memory is None:
            return
        moved = self._memory.getbuffer()
        self._memory = None
        self._spool.memory_left += len(moved)
        self._spool.append(moved)


class Spool:
    """The memory and the scratch file that all members of one archive share."""

    def __init__(self, *, memory_bytes: int, scratch: BinaryIO | None) -> None:
        self.memory_left = memory_bytes
        self.scratch_end = 0
        self._scratch = scratch

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """Hold one content for as long as the block lasts."""
        slot = Slot(self)
        try:
            yield slot
        finally:
            slot.let_go()

    def append(self, block: "bytes | memoryview[int]") -> None:
        """Put a block at the end of the scratch file.

        Raises:  NoRoomError.
        """
        if self._scratch is None:
            raise NoRoomError
        try:
            self._scratch.seek(self.scratch_end)
            self._scratch.write(block)
            self._scratch.flush()
        except OSError as error:
            raise NoRoomError from error
        self.scratch_end += len(block)

    def window(self, begin: int, size_bytes: int) -> BinaryIO:
        """Return a part of the scratch file as a file."""
        return window(cast("BinaryIO", self._scratch), begin=begin, size_bytes=size_bytes)

    def cut(self, begin: int) -> None:
        """Let go of all that was put after `begin`."""
        if self._scratch is not None:
            self._scratch.truncate(begin)
        self.scratch_end = begin
