# SPDX-License-Identifier: Apache-2.0
"""The files that pages take: which page takes one, how large it may be, where it lies until it is done with.

- A page takes no file unless it says how, once it knows who sends it: nobody else's file comes anywhere near a disk.
- A file to be taken in is refused before its first byte where it is larger than the setting, and at any byte where the
  disk has not got what it still takes: the rest of it, its copy, and the records made of it.
- It has no name on the disk: whatever ends the request, or the process, nothing of it is left.
"""

import shutil
import tempfile
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest

from vigie.errors import InvalidInputError, UnavailableError

_BESIDE = 3  # the copy that an import reads, and its records in the database: about twice its size


class FileTooLargeError(InvalidInputError):
    """A file of this size is not taken in through a page."""

    code = "imports.file-too-large"
    http_status = 413


class NoRoomForFileError(UnavailableError):
    """The disk has not got what the file takes."""

    code = "imports.no-room"
    http_status = 507


class NoFile(FileUploadHandler):
    """Refuses a file where the page takes none."""

    def new_file(self, *_about: object, **_more: object) -> None:
        """Refuse it before it is read."""
        raise BadRequest("this page takes no file")


class ToTakeIn(FileUploadHandler):
    """Keeps a file on the disk of the node, without a name, until it is closed itself."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self._files: list[IO[bytes]] = []
        self._announced = self._came = 0

    def close(self) -> None:
        """Let go of what came."""
        for file in self._files:
            file.close()

    def handle_raw_input(self, _input: object, _meta: object, content_length: int, *_more: object) -> None:
        """Refuse what is too large before anything is read."""
        if content_length > settings.IMPORT_BYTES:
            raise FileTooLargeError(
                "the file is larger than {limit} MiB, the most that is taken in here: send it in parts, or have your "
                "operator take it in by `vigie-node import`",
                limit=settings.IMPORT_BYTES >> 20,
            )
        Path(settings.UPLOADS).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._announced = content_length
        self._check_room()

    def new_file(self, *about: object, **more: object) -> None:
        """Begin a file."""
        super().new_file(*about, **more)  # type: ignore[arg-type]
        self._files.append(tempfile.TemporaryFile(dir=settings.UPLOADS))  # noqa: SIM115 - closed by `close`

    def receive_data_chunk(self, raw_data: bytes, _start: int) -> None:
        """Keep what came, as long as there is room for all of it."""
        self._check_room()
        self._files[-1].write(raw_data)
        self._came += len(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        """Give the whole file to the page."""
        self._files[-1].flush()
        return UploadedFile(self._files[-1], self.file_name, self.content_type, file_size)

    def _check_room(self) -> None:
        if shutil.disk_usage(settings.UPLOADS).free < self._announced * (1 + _BESIDE) - self._came:
            raise NoRoomForFileError(
                "the node's disk has no room for this file; have your operator make some, then send it again"
            )


def path_of(sent: "UploadedFile[bytes]") -> Path:
    """Return where a file that was kept can be opened, while the request lasts."""
    return Path(f"/proc/self/fd/{sent.fileno()}")
