# SPDX-License-Identifier: Apache-2.0
"""What a result folder says of itself: what was scanned, with what, how far, and which parts hold the rows.

- The manifest is replaced whole or not at all, and carries a checksum of itself and of every part.
- What is damaged, of another kind or from a newer version is refused, never half read.
- A part is named by its number: a manifest cannot point outside its own folder.
"""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from vigie.errors import InvalidInputError, NotFoundError, UntrustedError

FILE_NAME = "manifest.json"
LAYOUT = 1  # of the manifest and of the columns; docs/reference/result-format.md


class NoResultError(NotFoundError):
    """The folder holds no result of a scan."""

    code = "results.none"


class ForeignResultError(InvalidInputError):
    """The manifest is that of something else."""

    code = "results.foreign"


class NewerResultError(InvalidInputError):
    """The result was written by a newer version of Vigie."""

    code = "results.newer"


class DamagedResultError(UntrustedError):
    """The manifest or a part is not as it was written."""

    code = "results.damaged"


class Part(Struct, frozen=True):
    """One Parquet file of the result, with its SHA-256 in hexadecimal digits."""

    name: Annotated[str, Meta(pattern=r"^part-[0-9]{6}\.parquet$")]
    rows: int
    size_bytes: int
    sha256: str


class ListUsed(Struct, frozen=True):
    """A list the files were looked up in.

    `digest` is the SHA-256 of its header, in hexadecimal digits; the header holds a checksum of all the rest.
    """

    name: str
    issuer: str
    version: int
    digest: str
    entries: int
    valid_until: str | None = None


class Manifest(Struct, frozen=True, kw_only=True):
    """The manifest of one result; times in ISO 8601 with their zone."""

    kind: Literal["vigie-result"] = "vigie-result"
    layout: int = LAYOUT
    complete: bool
    started_at: str
    finished_at: str | None
    source: str
    lists: list[ListUsed]
    recipe: str
    versions: dict[str, str]
    confinement: list[str]
    limits: dict[str, Any]
    options: dict[str, Any]
    verdicts: dict[str, int]
    parts: list[Part]


class _Sealed(Struct, frozen=True):
    manifest: Manifest
    sha256: str


class _Head(Struct):
    kind: str
    layout: int


class _SealedHead(Struct):
    manifest: _Head


def write(folder: Path, manifest: Manifest) -> None:
    """Put the manifest into a result folder, in place of the one before."""
    sealed = _Sealed(manifest, _checksum(manifest))
    temporary = folder / (FILE_NAME + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(sealed), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / FILE_NAME)
    sync_folder(folder)


def read(folder: Path) -> Manifest:
    """Read the manifest of a result folder.

    Raises:  NoResultError; ForeignResultError; NewerResultError; DamagedResultError.
    """
    try:
        text = (folder / FILE_NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoResultError("this folder holds no result: name the folder a scan wrote to") from error
    try:
        head = msgspec.json.decode(text, type=_SealedHead).manifest
    except msgspec.ValidationError as error:
        raise ForeignResultError("the manifest is not that of a result: name the folder a scan wrote to") from error
    except msgspec.DecodeError as error:
        raise _damaged("manifest") from error
    if head.kind != "vigie-result":
        raise ForeignResultError("the manifest is not that of a result: name the folder a scan wrote to")
    if head.layout > LAYOUT:
        raise NewerResultError("the result was written by a newer version: read it with that version or a later one")
    try:
        sealed = msgspec.json.decode(text, type=_Sealed)
    except msgspec.DecodeError as error:
        raise _damaged("manifest") from error
    if sealed.sha256 != _checksum(sealed.manifest):
        raise _damaged("manifest")
    return sealed.manifest


def check_parts(folder: Path, manifest: Manifest) -> None:
    """Compare every part with what the manifest says of it.

    Raises:  DamagedResultError.
    """
    for part in manifest.parts:
        try:
            with (folder / "parts" / part.name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _damaged(part.name) from error
        if digest != part.sha256:
            raise _damaged(part.name)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(manifest: Manifest) -> str:
    return hashlib.sha256(msgspec.json.encode(manifest, order="sorted")).hexdigest()


def _damaged(what: str) -> DamagedResultError:
    return DamagedResultError(f"the result is damaged ({what}): restore it from a copy, or scan again")
