# SPDX-License-Identifier: Apache-2.0
"""Folders of benign files, lists over some of them, and scans of them, for the tests of a scan."""

import io
import os
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from unit.fingerprints.decode.photos import photo, written
from vigie.evidence import scan
from vigie.evidence.results import Results
from vigie.fingerprints.hashing import Examiner
from vigie.fingerprints.messages import Other
from vigie.fingerprints.sandbox import Limits
from vigie.fingerprints.source import opened
from vigie.lists import changes, columns
from vigie.lists.entries import Claim
from vigie.lists.file import open_list
from vigie.lists.media import entry_of_file

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
CLAIM = Claim("inhope", "baseline", "Example hotline", None)


def picture(seed, *, width=160, height=120, quality=85):
    """A small picture as JPEG."""
    return written(photo(seed, width=width, height=height), "JPEG", quality=quality)


def zipped(members, **options):
    """An archive of some members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def fill(folder, files):
    """Write files under a folder; names are text or bytes."""
    for name, content in files.items():
        path = Path(folder) / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def mixed(folder, *, pictures):
    """Fill a folder with pictures, copies of them, other files, archives and broken files."""
    contents = [picture(seed) for seed in range(pictures)]
    for number, content in enumerate(contents):
        fill(
            folder, {f"a{number % 5}/{number}.jpg": content, f"t{number % 3}/{number}.txt": b"words %d. " % number * 20}
        )
        if number % 2:
            fill(folder, {f"copies/{number}.jpg": content})
        if number % 4 == 0:
            fill(folder, {f"broken/{number}.jpg": content[: len(content) // 3]})
        if number % 10 == 0:
            inner = zipped({"deep.jpg": picture(1000 + number)})
            fill(folder, {f"z/{number}.zip": zipped({"x.jpg": content, f"{number}.txt": b"x" * 99, "in.zip": inner})})
    fill(folder, {"empty": b"", b"\xff.bin": os.urandom(0) + b"not utf-8" * 20})
    (folder / "link").symlink_to("a0/0.jpg")
    return folder


def list_of(path, files, *, name="a list"):
    """Make a list of some files as the product does."""
    entries = []
    with Examiner() as examiner:
        for number, file in enumerate(files):
            with opened(file) as source:
                digests = source.digests()
                *_, what = examiner.examine(source.descriptor, size_bytes=source.size_bytes) or [Other()]
                listed = entry_of_file(
                    what,
                    digests=digests,
                    size_bytes=source.size_bytes,
                    claim=CLAIM,
                    asserted_at=NOW,
                    depiction=f"{name} {number}",
                )
            entries.append(listed.entry)
    changes.create(path, name=name, issuer="Example hotline", columns=columns.of_entries(entries), now=NOW)
    return open_list(path, now=NOW)


def run(source, out, *, lists=(), stop=None, progress=lambda _: None, workers=2, limits=None, now=NOW, **more):
    """Scan a folder with what a test does not care about filled in."""
    return scan.run(
        source,
        lists=lists,
        out=out,
        workers=workers,
        limits=limits or Limits(),
        now=now,
        progress=progress,
        stop=stop or threading.Event(),
        **more,
    )


def rows(out):
    """Give every row of a result in its order, without what depends on the machine."""
    with Results.open(out) as results:
        return [{name: value for name, value in row.items() if name != "confinement"} for row in results.rows()]


def by_path(out):
    """Give every row by the names that lead to it."""
    found = rows(out)
    told = {" > ".join([*row["container"], row["path"]]): row for row in found}
    assert len(told) == len(found), "two rows for one place"
    return told
