# SPDX-License-Identifier: Apache-2.0
"""The entries of a 7z archive, in its own order, decompressed as they are asked for.

- Only py7zr's reading of headers and its decompressors are used: its extraction writes paths, starts threads and asks
  how much memory the machine has.
- Entries share streams: one that nobody asks for is decompressed all the same when the next one is, and dropped. After
  damage the rest of that stream is damaged too; the next stream is tried again.
- Methods are those of READ: whole decoders that bound what they give out at once, and that broken input does not
  break (PPMd's does, and starts threads).
- Input is fed in small blocks, so that no method can give out more than a bounded block at once.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import py7zr
from py7zr.archiveinfo import Folder
from py7zr.compressor import SevenZipDecompressor, SupportedMethods
from py7zr.py7zr import ArchiveFile

from vigie.fingerprints.decode.entries import (
    BLOCK_BYTES,
    ENCRYPTED,
    UNSUPPORTED,
    DamagedError,
    Entry,
    Sink,
    StopError,
    refused,
)

READ = frozenset(
    {
        py7zr.FILTER_COPY, py7zr.FILTER_LZMA, py7zr.FILTER_LZMA2, py7zr.FILTER_DELTA, py7zr.FILTER_X86,
        py7zr.FILTER_ARM, py7zr.FILTER_ARMTHUMB, py7zr.FILTER_POWERPC, py7zr.FILTER_SPARC, py7zr.FILTER_DEFLATE,
        py7zr.FILTER_BZIP2,
    }
)  # fmt: skip
_INPUT_BYTES = 16 * 1024


@dataclass(slots=True)
class _Stream:
    """One stream of compressed content, and how far it was read."""

    file: BinaryIO
    decompressor: SevenZipDecompressor
    at: int
    begun: int = 0
    is_damaged: bool = False

    def pour(self, size_bytes: int, checksum: int | None, sink: Sink) -> None:
        """Put the next `size_bytes` into a sink; the stream is lost where that does not come to its end."""
        if self.is_damaged:
            raise DamagedError("the stream that holds this member is damaged")
        self.begun += 1
        self.is_damaged = True
        self.file.seek(self.at)
        left, computed = size_bytes, 0
        while left:
            before = self.file.tell()
            block = bytes(self.decompressor.decompress(self.file, min(left, BLOCK_BYTES)))
            if not block and self.file.tell() == before:
                raise DamagedError("the archive ends within a member")
            computed = zlib.crc32(block, computed)
            left -= len(block)
            sink(block)
        self.at = self.file.tell()
        self.is_damaged = False
        if checksum is not None and computed != checksum:
            raise DamagedError("the content does not have the checksum that the archive says")


def entries(file: BinaryIO, *, drop: Sink) -> Iterator[Entry]:
    """Yield the entries of a 7z archive; content that nobody asks for goes into `drop`.

    Raises:  py7zr.exceptions.ArchiveError, PasswordRequired and others where the header cannot be read.
    """
    file.seek(0)
    with py7zr.SevenZipFile(file, "r") as archive:
        streams = _streams(file, archive)
        for member in archive.files:
            name = member.filename.encode("utf-8", "surrogatepass")
            if member.emptystream:
                if not member.is_directory:
                    yield Entry(name=name, pour=lambda _sink: None, size_bytes=0)
                continue
            stream = streams[id(member.folder)]
            if isinstance(stream, _Stream):
                yield from _entry(name, member, stream, drop=drop)
            else:
                yield refused(name, *stream)


def _entry(name: bytes, member: ArchiveFile, stream: _Stream, *, drop: Sink) -> Iterator[Entry]:
    begun = stream.begun

    def pour(sink: Sink) -> None:
        stream.pour(member.uncompressed, member.crc32, sink)

    yield Entry(name=name, pour=pour, size_bytes=member.uncompressed, restartable=False)
    if stream.begun == begun and not stream.is_damaged:
        try:
            stream.pour(member.uncompressed, None, drop)
        except StopError:
            raise
        except Exception:  # noqa: BLE001, S110 - the stream remembers, and says so of the members that follow
            pass


def _streams(file: BinaryIO, archive: py7zr.SevenZipFile) -> dict[int, _Stream | tuple[str, str]]:
    """Return each stream by the identity of its folder, or the code and message that say why it cannot be read."""
    streams: dict[int, _Stream | tuple[str, str]] = {}
    header = archive.header.main_streams
    number = 0
    for folder in header.unpackinfo.folders if header is not None else ():
        packed = header.packinfo
        at = archive.afterheader + packed.packpos + packed.packpositions[number]
        streams[id(folder)] = _stream(file, folder, at=at, size_bytes=packed.packsizes[number])
        number += len(folder.packed_indices)
    return streams


def _stream(file: BinaryIO, folder: Folder, *, at: int, size_bytes: int) -> _Stream | tuple[str, str]:
    methods = {SupportedMethods.get_filter_id(coder) for coder in folder.coders}  # type: ignore[no-untyped-call]
    if py7zr.FILTER_CRYPTO_AES256_SHA256 in methods:
        return ENCRYPTED
    if len(folder.packed_indices) != 1 or not methods <= READ:
        return UNSUPPORTED
    decompressor = SevenZipDecompressor(folder.coders, size_bytes, folder.unpacksizes, folder.crc, None, _INPUT_BYTES)
    return _Stream(file, decompressor, at)
