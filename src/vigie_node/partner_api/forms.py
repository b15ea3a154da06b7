# SPDX-License-Identifier: Apache-2.0
"""Read a form that holds a file, as it comes, in memory: what is uploaded never touches the file system.

- The name that a file is given is not read: it is of no use and could say too much.
- A body without a stated length (chunked) is taken like any other, up to the same limit.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from vigie_node.matching import uploads
from vigie_node.matching.uploads import Received
from vigie_node.partner_api.borrowed import Call
from vigie_node.partner_api.hot import MalformedRequestError

_MARGIN_BYTES = 1024 * 1024  # the fields beside the file, and what separates them


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, and its files by the name of their field."""

    fields: dict[str, str] = field(repr=False)
    files: tuple[tuple[str, Received], ...] = field(repr=False)


def is_form(call: Call) -> bool:
    """Say whether the request brings a form with files."""
    return call.request.content_type == "multipart/form-data"


@contextlib.contextmanager
def read(call: Call) -> Iterator[Form]:
    """Read the form of a request; its files are let go of at the end.

    Raises:  TooLargeError, UnfinishedBodyError, SlowBodyError, FileTooLargeError, MalformedRequestError.
    """
    body = _Body(call.body_as_it_comes(limit=uploads.MAX_FILE_BYTES + _MARGIN_BYTES))
    described = {"CONTENT_TYPE": call.request.META.get("CONTENT_TYPE", ""), "CONTENT_LENGTH": "1"}  # its own limit
    with contextlib.ExitStack() as files:
        kept = _InMemory(files)
        try:
            parser = MultiPartParser(described, body, [kept], "utf-8")  # type: ignore[arg-type]
            fields, _ = parser.parse()
        except (MultiPartParserError, SuspiciousOperation, UnicodeError) as error:
            raise MalformedRequestError("the form is malformed") from error
        yield Form({name: str(value) for name, value in fields.items()}, tuple(kept.files))


class _Body:
    """What the parser of forms reads from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def read(self, size: int | None = None, /) -> bytes:
        """Return the next part, which may be shorter than asked for; nothing at the end."""
        del size
        return next(self._chunks, b"")


class _InMemory(FileUploadHandler):
    """Keeps each file in anonymous memory, whatever its size: the body as a whole is limited."""

    def __init__(self, closing: contextlib.ExitStack) -> None:
        super().__init__()
        self._closing = closing
        self.files: list[tuple[str, Received]] = []

    def new_file(self, field_name: str, *_: object, **__: object) -> None:
        self.files.append((field_name, self._closing.enter_context(Received())))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        del start
        self.files[-1][1].write(raw_data)

    def file_complete(self, file_size: int) -> None:
        del file_size
