# SPDX-License-Identifier: Apache-2.0
"""One immutable, checksummed file of arrays: write, open (memory-mapped), check.

- The file appears whole or not at all: written beside its name, flushed, then renamed.
- It is cut into blocks of 4 KiB. A table holds the SHA-256 of each (its first 16 bytes); the header holds the SHA-256
  of the table; a signature, where there is one, is over the header. So the header and the table vouch for every byte.
- Opening checks the header and the table. A block is checked before its content is trusted, the first time that it
  is touched; `verify` checks them all. Nothing is unpickled, nothing is executed.
- Numbers are little-endian. A file of a newer format, of another kind or not ours is refused with the reason.

Layout: magic (8), format (u32), header length (u32), SHA-256 of the header (32), signature length (u32), header
(JSON), signature; from the next block on the sections, each from a new block; then the table.
"""

import functools
import hashlib
import io
import json
import math
import mmap
import os
import struct
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from vigie import kernels
from vigie.errors import InvalidInputError, UntrustedError

BLOCK_BYTES = 4096
_MAGIC = b"VIGIESNP"
_FORMAT = 1
_PREFIX = struct.Struct("<8sII32sI")
_DIGEST_BYTES = 16
_MAX_HEADER_BYTES = 16 * 1024 * 1024
_MAX_SIGNATURE_BYTES = 4096
_DTYPES = frozenset({"|u1", "<u2", "<u4", "<u8", "<i4", "<i8", "<f4", "<f8"})

Section = NDArray[Any]


class ForeignFileError(InvalidInputError):
    """The file is not of the kind that was asked for."""

    code = "snapshot.foreign"


class NewerFormatError(InvalidInputError):
    """The file was written by a newer version."""

    code = "snapshot.newer-format"


class DamagedFileError(UntrustedError):
    """The content is not what was published."""

    code = "snapshot.damaged"


class _SectionHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    shape: list[int]
    offset: int


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    meta: dict[str, Any]
    sections: dict[str, _SectionHeader]
    first_block: int
    blocks: int
    table_sha256: str


def write(
    path: Path,
    *,
    kind: str,
    meta: Mapping[str, Any],
    sections: Mapping[str, Section],
    sign: Callable[[bytes], bytes] | None = None,
    may_replace: bool = True,
) -> None:
    """Publish arrays as one file, atomically; readable and writable by its owner alone.

    Raises:  as `publish`.
    """

    def write_into(file: BinaryIO) -> None:
        _write_into(file, kind=kind, meta=meta, sections=sections, sign=sign)

    publish(path, write_into, may_replace=may_replace)


def to_bytes(
    *,
    kind: str,
    meta: Mapping[str, Any],
    sections: Mapping[str, Section],
    sign: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Return what `write` publishes: for a file that is encrypted before it touches the disk."""
    file = io.BytesIO()
    _write_into(file, kind=kind, meta=meta, sections=sections, sign=sign)
    return file.getvalue()


def publish(path: Path, write_into: Callable[[BinaryIO], object], *, may_replace: bool = True) -> None:
    """Let a file appear whole or not at all: write it beside its name, flush it, then give it its name.

    Raises:  FileExistsError if the name is taken and may not be replaced; OSError if the disk is full or the folder
             is not writable. The earlier file then stays as it was.
    """
    descriptor, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            write_into(file)
            file.flush()
            os.fsync(file.fileno())
        if may_replace:
            Path(name).replace(path)
        else:
            path.hardlink_to(name)
            Path(name).unlink()
        sync_folder(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write_into(
    file: BinaryIO,
    *,
    kind: str,
    meta: Mapping[str, Any],
    sections: Mapping[str, Section],
    sign: Callable[[bytes], bytes] | None,
) -> None:
    arrays = {name: np.ascontiguousarray(array) for name, array in sections.items()}
    layout, blocks = _layout(arrays)
    signature_room = len(sign(b"")) if sign else 0
    # The header's length does not depend on the digest's value, so the place for it can be kept free.
    draft = _encode(_Header(kind, dict(meta), layout, 0, blocks, "0" * 64), signature_room)
    first_block = -(-(_PREFIX.size + len(draft) + 64 + signature_room) // BLOCK_BYTES) * BLOCK_BYTES
    file.write(bytes(first_block))
    table = _write_sections(file, arrays)
    file.write(table)
    header = _encode(
        _Header(kind, dict(meta), layout, first_block, blocks, hashlib.sha256(table).hexdigest()),
        signature_room,
    )
    signature = sign(header) if sign else b""
    file.seek(0)
    prefix = _PREFIX.pack(_MAGIC, _FORMAT, len(header), hashlib.sha256(header).digest(), len(signature))
    file.write(prefix + header + signature)


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder last through a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_file(path: Path, *, kind: str) -> "Snapshot":
    """Map a file into memory and check its header and table.

    Raises:  ForeignFileError, NewerFormatError, DamagedFileError; OSError where it cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < _PREFIX.size:
            raise ForeignFileError("this is not a file of Vigie's; it is too short")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    mapped.madvise(mmap.MADV_RANDOM)
    return Snapshot(np.frombuffer(mapped, np.uint8), kind=kind)


def open_bytes(content: bytes, *, kind: str) -> "Snapshot":
    """Open the content of a file that is held in memory (one that was encrypted on disk).

    Raises:  ForeignFileError, NewerFormatError, DamagedFileError.
    """
    return Snapshot(np.frombuffer(content, np.uint8), kind=kind)


class Snapshot:
    """An opened file. Arrays are views of the mapped file: read-only, shared with every process that has it open."""

    def __init__(self, content: NDArray[np.uint8], *, kind: str) -> None:
        self._content = content
        self.header_bytes, self.signature = _read_header(content)
        header = _decode(self.header_bytes, signature_bytes=len(self.signature))
        if header.kind != kind:
            raise ForeignFileError(f"this file is a {header.kind[:40]!r}, not a {kind!r}")
        self.meta = header.meta
        self._sections = header.sections
        self._first, self._count = header.first_block, header.blocks
        self._bytes = content.data  # a slice of it costs a tenth of an array's, and thousands are taken
        self._table = _read_table(content, header).data
        self._seen = np.zeros(-(-self._count // 64), np.uint64)
        self._arrays = {name: self._view(section) for name, section in header.sections.items()}
        start = content.ctypes.data + self._first
        # The check must not hold the snapshot: a circle would keep a file mapped until a collection.
        self._answer = functools.partial(_answer, self._bytes, self._table, self._first)
        self.guard = kernels.guard(base=start, blocks=self._count, seen=self._seen.ctypes.data, check=self._answer)

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return len(self._content)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sections."""
        return tuple(self._arrays)

    def unchecked(self, name: str) -> Section:
        """Return a section whose blocks the caller has checked one by one (a kernel, with `guard`)."""
        if name not in self._arrays:
            raise DamagedFileError(f"the file lacks the section {name!r}; get it again from its issuer")
        return self._arrays[name]

    def section(self, name: str) -> Section:
        """Return a whole section, each of its blocks checked."""
        array = self.unchecked(name)
        first = (self._sections[name].offset - self._first) // BLOCK_BYTES
        self._check(range(first, first + _blocks_of(array)))
        return array

    def rows(self, name: str, indices: NDArray[np.integer[Any]]) -> Section:
        """Return some rows of a section, only the blocks that they touch checked.

        Order:   as in `indices`.
        """
        array = self.unchecked(name)
        wanted = np.asarray(indices, np.int64)
        row_bytes = array.itemsize * int(np.prod(array.shape[1:]))
        start = self._sections[name].offset - self._first + wanted * row_bytes
        last = start + max(row_bytes, 1) - 1
        touched = {
            block
            for begin, end in zip((start // BLOCK_BYTES).tolist(), (last // BLOCK_BYTES).tolist(), strict=True)
            for block in range(begin, end + 1)
        }
        self._check(sorted(touched))
        return array[wanted]

    def verify(self) -> None:
        """Check every block.

        Raises:  DamagedFileError.
        """
        self._check(range(self._count))
        self.guard.all_seen = 1

    def _check(self, blocks: range | list[int]) -> None:
        if self.guard.all_seen:
            return
        for block in blocks:
            word, bit = divmod(block, 64)
            if int(self._seen[word]) >> bit & 1:
                continue
            if self._answer(block) != ~block:
                raise DamagedFileError("the file is damaged; get it again from its issuer")
            self._seen[word] |= np.uint64(1 << bit)

    def _view(self, section: _SectionHeader) -> Section:
        size = int(np.prod(section.shape, dtype=object)) * np.dtype(section.dtype).itemsize
        view: Section = self._content[section.offset : section.offset + size].view(section.dtype)
        return view.reshape(section.shape)


def _answer(content: memoryview, table: memoryview, first_block: int, block: int) -> int:
    """Return what `kernels.guard` expects of a block that is what was published, else 0."""
    start, entry = first_block + block * BLOCK_BYTES, block * _DIGEST_BYTES
    digest = hashlib.sha256(content[start : start + BLOCK_BYTES]).digest()
    return ~block if digest[:_DIGEST_BYTES] == table[entry : entry + _DIGEST_BYTES] else 0


def _blocks_of(array: Section) -> int:
    return -(-array.nbytes // BLOCK_BYTES)


def _layout(arrays: Mapping[str, Section]) -> tuple[dict[str, _SectionHeader], int]:
    """Place each section at the start of a block; offsets count from the first block."""
    layout: dict[str, _SectionHeader] = {}
    block = 0
    for name, array in arrays.items():
        if array.dtype.str not in _DTYPES:
            raise InvalidInputError(f"a section cannot hold {array.dtype}")
        layout[name] = _SectionHeader(array.dtype.str, list(array.shape), block * BLOCK_BYTES)
        block += _blocks_of(array)
    return layout, block


def _encode(header: _Header, signature_room: int) -> bytes:
    """Write the header; `signature_room` keeps one header from being signed as another's."""
    fields = msgspec.to_builtins(header)
    fields["signature_bytes"] = signature_room
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _decode(raw: bytes, *, signature_bytes: int) -> _Header:
    try:
        fields = json.loads(raw)
        promised = fields.pop("signature_bytes")
        header = msgspec.convert(fields, _Header)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, msgspec.ValidationError) as error:
        raise DamagedFileError("the header cannot be read; get the file again from its issuer") from error
    if promised != signature_bytes or header.first_block % BLOCK_BYTES or header.first_block < 0 or header.blocks < 0:
        raise DamagedFileError("the header is not consistent; get the file again from its issuer")
    placed = {name: _placed(section, header) for name, section in header.sections.items()}
    return msgspec.structs.replace(header, sections=placed)


def _placed(section: _SectionHeader, header: _Header) -> _SectionHeader:
    """Turn an offset from the first block into one from the start of the file, after checking its bounds."""
    if section.dtype not in _DTYPES or section.offset % BLOCK_BYTES or not _is_shape(section.shape):
        raise DamagedFileError("the section table is not consistent; get the file again from its issuer")
    size = np.dtype(section.dtype).itemsize
    for length in section.shape:
        size *= length
    if section.offset < 0 or section.offset + size > header.blocks * BLOCK_BYTES:
        raise DamagedFileError("a section lies outside the file; get the file again from its issuer")
    return _SectionHeader(section.dtype, section.shape, header.first_block + section.offset)


def _is_shape(shape: list[int]) -> bool:
    # numpy refuses an array too long to count, even where another of its lengths is zero and nothing is stored.
    is_counted = math.prod(max(length, 1) for length in shape) < 2**56
    return 1 <= len(shape) <= 4 and all(length >= 0 for length in shape) and is_counted


def _read_header(content: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    if len(content) < _PREFIX.size:
        raise ForeignFileError("this is not a file of Vigie's; it is too short")
    magic, version, header_length, digest, signature_length = _PREFIX.unpack(content[: _PREFIX.size].tobytes())
    if magic != _MAGIC:
        raise ForeignFileError("this is not a file of Vigie's; its first bytes are others")
    if version > _FORMAT:
        raise NewerFormatError(f"the file has format {version}; this version reads up to {_FORMAT}: update Vigie")
    end = _PREFIX.size + header_length + signature_length
    is_absurd = header_length > _MAX_HEADER_BYTES or signature_length > _MAX_SIGNATURE_BYTES
    if version < 1 or is_absurd or end > len(content):
        raise DamagedFileError("the file is cut short; get it again from its issuer")
    header = content[_PREFIX.size : _PREFIX.size + header_length].tobytes()
    if hashlib.sha256(header).digest() != digest:
        raise DamagedFileError("the header is damaged; get the file again from its issuer")
    return header, content[_PREFIX.size + header_length : end].tobytes()


def _read_table(content: NDArray[np.uint8], header: _Header) -> NDArray[np.uint8]:
    start = header.first_block + header.blocks * BLOCK_BYTES
    if len(content) != start + header.blocks * _DIGEST_BYTES:
        raise DamagedFileError("the file does not have its full length; get it again from its issuer")
    table = content[start:]
    if hashlib.sha256(table.data).hexdigest() != header.table_sha256:
        raise DamagedFileError("the table of checksums is damaged; get the file again from its issuer")
    return table


def _write_sections(file: BinaryIO, arrays: Mapping[str, Section]) -> bytes:
    """Write each section, padded to whole blocks, and return the table of their digests."""
    table = bytearray()
    for array in arrays.values():
        content = array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")
        whole = len(content) // BLOCK_BYTES * BLOCK_BYTES
        file.write(content[:whole])
        for start in range(0, whole, BLOCK_BYTES):
            table += hashlib.sha256(content[start : start + BLOCK_BYTES]).digest()[:_DIGEST_BYTES]
        if whole < len(content):
            last = bytes(content[whole:]).ljust(BLOCK_BYTES, b"\0")
            file.write(last)
            table += hashlib.sha256(last).digest()[:_DIGEST_BYTES]
    return bytes(table)
