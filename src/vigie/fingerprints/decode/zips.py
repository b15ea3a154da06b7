# SPDX-License-Identifier: Apache-2.0
"""The entries of a ZIP archive, in the order of its central directory.

- Names are the bytes that the archive holds.
- Entries that share bytes with the next one (the trick by which a small archive claims to be an enormous one) are
  refused; the last of them is read.
- Each block of output is bounded, whatever the method; the content is checked against its CRC.
- An entry is restartable: content that nobody asks for is not decompressed.

Source: APPNOTE.TXT 6.3.10, sections 4.3 and 4.4.
"""

import bz2
import copy
import itertools
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from vigie.fingerprints.decode import spools
from vigie.fingerprints.decode.entries import ENCRYPTED, UNSUPPORTED, DamagedError, Entry, Sink, pour_from, refused

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED, _UTF8, _PATCHED = 1 << 0, 1 << 11, 1 << 5
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
# zipfile bounds the output of deflate alone; of LZMA, this much input gives some 30 MB at most.
_LZMA_INPUT_BYTES = 4096


def entries(file: BinaryIO) -> Iterator[Entry]:
    """Yield the entries of a ZIP archive.

    Raises:  zipfile.BadZipFile, UnicodeDecodeError and others where the central directory is damaged.
    """
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        overlapping = _overlapping(infos)
        for info in infos:
            name = _raw_name(info)
            if name.endswith(b"/") and not info.file_size:
                continue
            if info.flag_bits & _ENCRYPTED:
                yield refused(name, *ENCRYPTED)
            elif info.compress_type not in _METHODS or info.flag_bits & _PATCHED:
                yield refused(name, *UNSUPPORTED)
            elif id(info) in overlapping:
                yield refused(
                    name, "archive.overlapping", "this member shares its bytes with another one, as in archive bombs"
                )
            else:
                yield _entry(file, archive, info, name)


def _entry(file: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: bytes) -> Entry:
    def pour(sink: Sink) -> None:
        if info.compress_type == zipfile.ZIP_BZIP2:
            _pour_bzip2(archive, info, sink)
            return
        with archive.open(info) as content:
            if info.compress_type == zipfile.ZIP_LZMA:
                pour_from(content, sink, at_once_bytes=_LZMA_INPUT_BYTES)
            else:
                pour_from(content, sink)

    return Entry(name=name, pour=pour, size_bytes=info.file_size, stored=_stored(file, info))


def _pour_bzip2(archive: zipfile.ZipFile, info: zipfile.ZipInfo, sink: Sink) -> None:
    raw = copy.copy(info)
    raw.compress_type, raw.file_size = zipfile.ZIP_STORED, info.compress_size
    raw.CRC = None  # type: ignore[assignment]  # of the compressed bytes it is unknown
    checksum = size = 0

    def checked(block: bytes) -> None:
        nonlocal checksum, size
        checksum = zlib.crc32(block, checksum)
        size += len(block)
        if size > info.file_size:
            raise DamagedError("there is more content than the archive says")
        sink(block)

    with archive.open(raw) as compressed, bz2.BZ2File(compressed) as content:
        pour_from(content, checked)
    if checksum != info.CRC:
        raise DamagedError("the content does not have the checksum that the archive says")


def _stored(file: BinaryIO, info: zipfile.ZipInfo) -> BinaryIO | None:
    """Return the bytes of an entry that is not compressed, where they are, if they are anywhere."""
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.header_offset < 0:
        return None
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size:
        return None
    _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    begin = info.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
    return spools.window(file, begin=begin, size_bytes=info.file_size)


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    """Undo the decoding that zipfile did; code page 437 has a character for every byte."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")


def _overlapping(infos: list[zipfile.ZipInfo]) -> set[int]:
    """Return the identities of the entries that reach into the next one."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    return {
        id(info)
        for info, after in itertools.pairwise(ordered)
        if info.header_offset + _LOCAL_HEADER.size + len(_raw_name(info)) + info.compress_size > after.header_offset
    }
