# SPDX-License-Identifier: Apache-2.0
"""The entries of a tape archive, plain or as it comes out of a decompressor.

- Only regular files have content. Links, devices and the like are entries without one; directories are not told.
- The archive is read past its end marks: what is put behind them is not hidden. Anything there that is no header is
  damage, and said.
- Memory does not grow with the number of entries.
"""

import tarfile
from collections.abc import Iterator
from typing import IO, BinaryIO, Literal, Self, cast

from vigie.fingerprints.decode import spools
from vigie.fingerprints.decode.entries import DamagedError, Entry, Sink, pour_from, refused


class _Header(tarfile.TarInfo):
    """A header that is damaged is an error, where tarfile would take it for the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.EmptyHeaderError, tarfile.EOFHeaderError):  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise DamagedError("a header of the archive is damaged") from error


def entries(file: BinaryIO, *, can_seek: bool) -> Iterator[Entry]:
    """Yield the entries of a tape archive; `can_seek` is False where the file can be read once only.

    Raises:  DamagedError, tarfile.TarError, and whatever the decompressor raises.
    """
    mode = cast('Literal["r:"]', "r:" if can_seek else "r|")  # the two have one signature
    with tarfile.open(
        fileobj=file,
        mode=mode,
        tarinfo=_Header,
        ignore_zeros=True,
        encoding="utf-8",
        errors="surrogateescape",
    ) as archive:
        for info in archive:
            archive.members.clear()  # type: ignore[attr-defined]  # it would grow with every entry
            name = info.name.encode("utf-8", "surrogateescape")
            if info.isreg() or info.type not in tarfile.SUPPORTED_TYPES:  # what is unknown is a file, says POSIX
                yield _entry(file, archive, info, name, can_seek=can_seek)
            elif not info.isdir():
                yield refused(name, "archive.not-a-file", "this member is a link or a device: it has no content")


def _entry(file: BinaryIO, archive: tarfile.TarFile, info: tarfile.TarInfo, name: bytes, *, can_seek: bool) -> Entry:
    def pour(sink: Sink) -> None:
        content = cast("IO[bytes]", archive.extractfile(info))
        pour_from(content, sink)  # tarfile raises where there is less than the header says

    plain = can_seek and not info.issparse()
    stored = spools.window(file, begin=info.offset_data, size_bytes=info.size) if plain else None
    return Entry(name=name, pour=pour, size_bytes=info.size, stored=stored, restartable=can_seek)
