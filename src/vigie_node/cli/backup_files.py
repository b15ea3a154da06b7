# SPDX-License-Identifier: Apache-2.0
"""The file of a backup: a tar archive of a manifest and one copy of the database, encrypted with age where asked.

- The manifest comes first and says the SHA-256 and length of the copy; nothing is taken from a file that differs.
- A file is written beside its name, forced to the medium and then given its name: it is there whole, or not at all.
- Only the two members are read, by name, as streams; no path from the archive is ever used.
- What stands in clear on the way lies in the node's home, for its user alone, and is gone afterwards.
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pyrage  # type: ignore[import-untyped]

from vigie.errors import InvalidInputError, UnavailableError, UntrustedError, WrongStateError
from vigie_node.audit import heads

FORMAT = "vigie-node-backup/1"
SUFFIX = ".vigie-backup"
_NAME_TIME = "vigie-node-%Y%m%dT%H%M%SZ"
_AGE = b"age-encryption.org/"
_MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 1 << 20
_CHUNK = 1 << 20


class MalformedRecipientError(InvalidInputError):
    """What was given is no age recipient or identity."""

    code = "backup.malformed-recipient"


class FileExistsAlreadyError(WrongStateError):
    """A backup is never written over."""

    code = "backup.exists"


class CannotWriteError(UnavailableError):
    """The file could not be written whole, and nothing of it was left."""

    code = "backup.cannot-write"


class SealedError(InvalidInputError):
    """The backup is encrypted, and no identity was given."""

    code = "backup.sealed"


class DamagedError(UntrustedError):
    """The file is not a whole backup, or is not for this identity."""

    code = "backup.damaged"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself; `head` is the last signed head of the audit in it."""

    made_at: datetime
    node: str
    version: str
    database: str
    migrations: tuple[str, ...]
    head: heads.SignedHead | None
    unsequenced: int
    position: int
    part: str
    part_bytes: int
    part_sha256: str

    def encode(self, head_json: str | None) -> bytes:
        """Write the manifest; the head in the form that is given to outsiders."""
        fields = {
            "format": FORMAT,
            "made_at": self.made_at.isoformat(),
            "node": self.node,
            "version": self.version,
            "database": self.database,
            "migrations": list(self.migrations),
            "audit_head": json.loads(head_json) if head_json else None,
            "audit_unsequenced": self.unsequenced,
            "change_position": self.position,
            "parts": [{"name": self.part, "bytes": self.part_bytes, "sha256": self.part_sha256}],
        }
        return json.dumps(fields, ensure_ascii=False, indent=2).encode()

    @classmethod
    def decode(cls, content: bytes) -> "Manifest":
        """Read a manifest.

        Raises:  DamagedError.
        """
        try:
            fields = json.loads(content)
            (part,) = fields["parts"]
            found = cls(
                made_at=datetime.fromisoformat(fields["made_at"]).astimezone(UTC),
                node=str(fields["node"]),
                version=str(fields["version"]),
                database=str(fields["database"]),
                migrations=tuple(str(one) for one in fields["migrations"]),
                head=heads.load(json.dumps(fields["audit_head"])) if fields["audit_head"] else None,
                unsequenced=int(fields["audit_unsequenced"]),
                position=int(fields["change_position"]),
                part=str(part["name"]),
                part_bytes=int(part["bytes"]),
                part_sha256=str(part["sha256"]),
            )
        except (ValueError, KeyError, TypeError, heads.MalformedHeadError) as error:
            raise DamagedError("this is no backup of a node, or its manifest is damaged") from error
        if fields["format"] != FORMAT:
            raise DamagedError("this backup is of a later form: restore it with the version that made it")
        return found


def named(path: Path, *, now: datetime) -> Path:
    """Return the file to write: the path itself, or one in that folder, named by its time."""
    return path / (now.astimezone(UTC).strftime(_NAME_TIME) + SUFFIX) if path.is_dir() else path


def older(folder: Path, *, than: datetime) -> list[Path]:
    """Return the backups in a folder whose names say that they were made before a time."""
    found = []
    for file in sorted(folder.glob(f"vigie-node-*{SUFFIX}")):
        with contextlib.suppress(ValueError):
            if datetime.strptime(file.name, _NAME_TIME + SUFFIX).replace(tzinfo=UTC) < than:
                found.append(file)
    return found


def pack(copied: Path, to: Path) -> tuple[int, str]:
    """Compress a copy and return its length and SHA-256 as packed.

    Raises:  CannotWriteError.
    """
    with (
        _writing(),
        copied.open("rb") as source,
        to.open("wb") as target,
        gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=1, mtime=0) as packed,
    ):
        shutil.copyfileobj(source, packed, _CHUNK)
    return to.stat().st_size, digest(to)


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def recipients(texts: Sequence[str]) -> list[Any]:
    """Read age recipients.

    Raises:  MalformedRecipientError.
    """
    try:
        return [pyrage.x25519.Recipient.from_str(one) for one in texts]
    except pyrage.RecipientError as error:
        raise MalformedRecipientError("this is not an age recipient; it begins with age1") from error


def identities(files: Sequence[Path]) -> list[Any]:
    """Read age identities from files: the lines that are no remark.

    Raises:  MalformedRecipientError; OSError.
    """
    lines = [line.strip() for file in files for line in file.read_text("ascii", errors="replace").splitlines()]
    try:
        return [pyrage.x25519.Identity.from_str(one) for one in lines if one and not one.startswith("#")]
    except pyrage.IdentityError as error:
        raise MalformedRecipientError("this is not an age identity; it begins with AGE-SECRET-KEY-1") from error


def write(file: Path, *, manifest: bytes, part: Path, name: str, to: Sequence[Any], scratch: Path) -> None:
    """Write a backup.

    To:      the age recipients; none for a file in clear.
    Raises:  FileExistsAlreadyError; CannotWriteError, after which nothing is left.
    """
    if file.exists():
        raise FileExistsAlreadyError("there is a file of that name already; choose another name")
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with _writing():
            if to:
                plain = scratch / "plain.tar"
                _write_tar(plain, manifest=manifest, part=part, name=name)
                part.unlink()
                with plain.open("rb") as source, beside.open("wb") as target:
                    pyrage.encrypt_io(source, target, to)
            else:
                _write_tar(beside, manifest=manifest, part=part, name=name)
            _force(beside)
            _name(beside, file)
            _force(file.parent)
    except FileExistsError as error:
        raise FileExistsAlreadyError("there is a file of that name already; choose another name") from error
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def opened(file: Path, *, keys: Sequence[Any], scratch: Path) -> Iterator[tuple[Manifest, Callable[[Path], None]]]:
    """Open a backup: yield its manifest, and what unpacks the copy into a file once every byte was checked.

    Raises:  SealedError; DamagedError; OSError where the file cannot be read.
    """
    with file.open("rb") as source:
        is_sealed = source.read(len(_AGE)) == _AGE
    if is_sealed and not keys:
        raise SealedError("this backup is encrypted: name the file of an identity with --identity")
    plain = scratch / "plain.tar" if is_sealed else file
    if is_sealed:
        _open_seal(file, plain, keys=keys)
    try:
        with tarfile.open(plain, "r:") as archive:
            manifest = Manifest.decode(_member(archive, _MANIFEST).read(_MAX_MANIFEST_BYTES))
            yield manifest, lambda to: _unpack(archive, manifest, to=to)
    except tarfile.TarError as error:
        raise DamagedError("this is no backup of a node, or it is damaged: take another one") from error


def _unpack(archive: tarfile.TarFile, manifest: Manifest, *, to: Path) -> None:
    if _hash(_member(archive, manifest.part)) != (manifest.part_bytes, manifest.part_sha256):
        raise DamagedError("the backup is damaged: its content is not what its manifest says; take another one")
    part = _member(archive, manifest.part)
    try:
        with to.open("wb") as target:
            if manifest.part.endswith(".gz"):
                with gzip.GzipFile(fileobj=part, mode="rb") as packed:
                    shutil.copyfileobj(packed, target, _CHUNK)
            else:
                shutil.copyfileobj(part, target, _CHUNK)
    except (EOFError, gzip.BadGzipFile) as error:
        raise DamagedError("the backup is damaged: its content does not unpack; take another one") from error
    except OSError as error:
        raise CannotWriteError("the backup could not be unpacked: free some space in the node's home") from error


def _hash(part: IO[bytes]) -> tuple[int, str]:
    found, count = hashlib.sha256(), 0
    while chunk := part.read(_CHUNK):
        found.update(chunk)
        count += len(chunk)
    return count, found.hexdigest()


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    try:
        member = archive.extractfile(name)
    except KeyError as error:
        raise DamagedError("this is no backup of a node, or it is damaged: take another one") from error
    if member is None:
        raise DamagedError("this is no backup of a node: a part of it is no file")
    return member


def _open_seal(file: Path, plain: Path, *, keys: Sequence[Any]) -> None:
    try:
        with file.open("rb") as source, plain.open("wb") as target:
            pyrage.decrypt_io(source, target, keys)
    except pyrage.DecryptError as error:
        raise DamagedError("the backup does not open with this identity, or it is damaged") from error


def _write_tar(file: Path, *, manifest: bytes, part: Path, name: str) -> None:
    with file.open("wb") as target, tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        about = tarfile.TarInfo(_MANIFEST)
        about.size, about.mode = len(manifest), 0o600
        archive.addfile(about, io.BytesIO(manifest))
        about = tarfile.TarInfo(name)
        about.size, about.mode = part.stat().st_size, 0o600
        with part.open("rb") as content:
            archive.addfile(about, content)


def _name(beside: Path, file: Path) -> None:
    try:
        os.link(beside, file)  # unlike a renaming, it never takes the place of a file made meanwhile
    except FileExistsError:
        raise
    except OSError:
        beside.rename(file)  # a medium without links


def _force(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except (OSError, pyrage.EncryptError) as error:
        raise CannotWriteError("the backup could not be written: check the free space and the medium") from error


def kept_since(now: datetime, *, days: int) -> datetime:
    """Return the time before which backups are no longer kept."""
    return now - timedelta(days=days)
