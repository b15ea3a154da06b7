# SPDX-License-Identifier: Apache-2.0
"""Read a form that holds a file, in memory: what is uploaded never touches the file system.

- The name that a file is given is not read: it is of no use and could say too much.
- A body without a stated length (chunked) is taken like any other, up to the same limit.
"""

from dataclasses import dataclass, field
from io import BytesIO

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from vigie_node.matching import uploads
from vigie_node.partner_api.borrowed import Call
from vigie_node.partner_api.hot import MalformedRequestError

_MARGIN_BYTES = 1024 * 1024  # the fields beside the file, and what separates them


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, and its files by the name of their field."""

    fields: dict[str, str] = field(repr=False)
    files: tuple[tuple[str, bytes], ...] = field(repr=False)


def is_form(call: Call) -> bool:
    """Say whether the request brings a form with files."""
    return call.request.content_type == "multipart/form-data"


def read(call: Call) -> Form:
    """Read the form of a request.

    Raises:  TooLargeError, MalformedRequestError.
    """
    content = call.body(limit=uploads.MAX_FILE_BYTES + _MARGIN_BYTES)
    described = {"CONTENT_TYPE": call.request.META.get("CONTENT_TYPE", ""), "CONTENT_LENGTH": str(len(content))}
    kept = _InMemory()
    try:
        parser = MultiPartParser(described, BytesIO(content), [kept], "utf-8")
        fields, _ = parser.parse()
    except (MultiPartParserError, SuspiciousOperation, UnicodeError) as error:
        raise MalformedRequestError("the form is malformed") from error
    values = {name: str(value) for name, value in fields.items()}
    return Form(values, tuple((name, bytes(one)) for name, one in kept.files))


class _InMemory(FileUploadHandler):
    """Keeps each file as bytes, whatever its size: the body as a whole was limited before."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[str, bytearray]] = []

    def new_file(self, field_name: str, *_: object, **__: object) -> None:
        self.files.append((field_name, bytearray()))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        del start
        self.files[-1][1].extend(raw_data)

    def file_complete(self, file_size: int) -> None:
        del file_size
