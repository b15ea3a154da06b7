# SPDX-License-Identifier: Apache-2.0
"""Archives in memory, the same bytes every time: no member carries the hour at which it was written."""

import io
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import py7zr

_MOMENT = 1_000_000_000


def zipped(members: Mapping[str, bytes], *, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack members into a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return buffer.getvalue()


def tarred(members: Mapping[str, bytes]) -> bytes:
    """Pack members into a tar, not compressed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), _MOMENT
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def sevened(members: Mapping[str, bytes], *, preset: int = 1) -> bytes:
    """Pack members into a 7z; its writer takes the hour from a file, so each member passes through one."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "member")
        with py7zr.SevenZipFile(buffer, "w", filters=[{"id": py7zr.FILTER_LZMA2, "preset": preset}]) as archive:
            for name, content in members.items():
                path.write_bytes(content)
                os.utime(path, (_MOMENT, _MOMENT))
                archive.write(path, name)
    return buffer.getvalue()
