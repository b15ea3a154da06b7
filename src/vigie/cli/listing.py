# SPDX-License-Identifier: Apache-2.0
"""Gather what a list is made from: media, tables of fingerprints, other lists.

- A source is told by its content: a list by its first bytes, media by theirs, a folder by being one; the rest is text.
- Media go through the confined workers; the full pass of a video is made, since its copies may be any part of it.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from vigie.cli import inputs, open_lists
from vigie.cli.inputs import Input
from vigie.errors import InvalidInputError, NotFoundError, UnreadableError
from vigie.fingerprints import source
from vigie.fingerprints.decode import kinds
from vigie.fingerprints.hashing import Examiner
from vigie.fingerprints.messages import Archive, Member, MemberProblem, Other, Problem
from vigie.lists import columns as tables
from vigie.lists import reading
from vigie.lists.columns import Columns
from vigie.lists.entries import Claim, Entry, check_claim
from vigie.lists.media import entry_of_file
from vigie.lists.policy import Policy
from vigie.lists.reading import Reading
from vigie.lists.rows import Given

_LIST_MAGICS = (b"VIGIESNP", b"age-encryption.org/v1")
_NOT_MEDIA = "cli.not-media"

Remark = tuple[str, str]


class UnusableSourceError(InvalidInputError):
    """What a list is to be made from cannot be."""

    code = "cli.unusable-source"


@dataclass(slots=True)
class Gathered:
    """The entries that were found, and what was not taken over, by reason."""

    columns: Columns
    left_out: Counter[Remark] = field(default_factory=Counter)

    def remarks(self) -> list[dict[str, str | int]]:
        """Say what was not taken over: code, sentence, how often."""
        return [{"code": code, "message": message, "count": n} for (code, message), n in sorted(self.left_out.items())]

    def first_remark(self) -> str:
        """Say the most frequent reason why something was not taken over."""
        most = self.left_out.most_common(1)
        return most[0][0][1] if most else "the sources are empty"


def gather(options: argparse.Namespace, *, claim: Claim, policy: Policy, now: datetime) -> Gathered:
    """Read every source that the options name.

    Raises:  MissingPathError, UnusableSourceError; those of `reading`; what opening a list raises.
    """
    inputs.check_exist(options.sources)
    check_claim(claim)
    parts: list[Columns] = []
    left_out: Counter[Remark] = Counter()
    media: list[Path] = []
    given = Given(claim=claim, asserted_at=now, min_quality=policy.min_quality)
    for path in options.sources:
        if not path.is_dir() and not path.is_file():
            raise UnusableSourceError("a source is neither a file nor a folder; links, FIFOs and devices are not read")
        if _is_media(path):
            media.append(path)
        elif _head(path).startswith(_LIST_MAGICS):
            opened = open_lists.open_one(path, keys=open_lists.keys_of(options), now=now)
            if opened.info.policy.negative != policy.negative:
                raise UnusableSourceError("a negative list and one that matches cannot be made into one another")
            parts.append(opened.columns())
        elif kinds.sniff(_head(path)).role is kinds.Role.ARCHIVES:
            raise UnusableSourceError("a source is an archive: unpack it first")
        else:
            with path.open("rb") as file:
                found = reading.read(file, given=given, skip_bad=options.skip_bad)
            parts.append(found.columns)
            _note(left_out, found)
    if media:
        entries = _entries(media, options, claim=claim, min_quality=policy.min_quality, now=now, left_out=left_out)
        parts.append(tables.of_entries(entries))
    return Gathered(tables.join(parts), left_out)


def _entries(
    media: list[Path],
    options: argparse.Namespace,
    *,
    claim: Claim,
    min_quality: int,
    now: datetime,
    left_out: Counter[Remark],
) -> Iterator[Entry]:
    def look(one: Input, examiner: Examiner) -> tuple[Entry | None, list[Remark]]:
        return _listed(one, examiner, claim=claim, min_quality=min_quality, now=now)

    workers = inputs.workers_of(vars(options).get("workers"))
    found = inputs.look_at_each(
        inputs.files_of(media), look, workers=workers, allow_unconfined=vars(options).get("unconfined", False)
    )
    for entry, remarks in found:
        left_out.update(remarks)
        if entry is not None:
            yield entry


def _listed(
    one: Input, examiner: Examiner, *, claim: Claim, min_quality: int, now: datetime
) -> tuple[Entry | None, list[Remark]]:
    if one.refusal is not None:
        return None, [one.refusal]
    try:
        with source.opened(one.path) as file:
            digests = file.digests()
            *_, found = examiner.examine(file.descriptor, size_bytes=file.size_bytes, full=True, open_archives=False)
            file.check_unchanged()
        if isinstance(found, Archive | Member | MemberProblem | Other):
            return None, [(_NOT_MEDIA, "neither a picture nor a video: left out")]
        if isinstance(found, Problem) and found.kind == "other":
            return None, [(found.code, f"left out: {found.message}")]
        listed = entry_of_file(
            found, digests=digests, size_bytes=file.size_bytes, claim=claim, asserted_at=now, min_quality=min_quality
        )
    except (InvalidInputError, NotFoundError, UnreadableError) as error:
        return None, [(error.code, str(error))]
    remarks = [(gate.value, f"a value was left out: {gate.sentence}") for gate in listed.left_out]
    if isinstance(found, Problem):
        remarks.append((found.code, f"listed by its digests alone: {found.message}"))
    return listed.entry, remarks


def _note(left_out: Counter[Remark], found: Reading) -> None:
    for remark in (*found.refused, *found.left_out):
        left_out[(remark.code, remark.message)] += 1
    for total, shown, what in (
        (found.refused_count, len(found.refused), "rows were refused"),
        (found.left_out_count, len(found.left_out), "values were left out"),
    ):
        if total > shown:
            left_out[("cli.more-remarks", f"more {what} for such reasons")] += total - shown


def _is_media(path: Path) -> bool:
    if path.is_dir():
        return True
    role = kinds.sniff(_head(path)).role
    return role in {kinds.Role.PICTURES, kinds.Role.VIDEOS}


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(kinds.HEAD_BYTES)
