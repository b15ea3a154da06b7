# SPDX-License-Identifier: Apache-2.0
"""The log: one JSON object a line, of ids, counts and states only.

- No fingerprint, URL, address, path, e-mail or free text is ever written: what is not a number, an id or a plain word
  is written as WITHHELD, whoever logs it, our code or a library.
- A bug is logged with its type and the functions it passed; never with its message, which may hold what was sent.
- A library's line keeps its fixed text, scrubbed; what it would put into that text only where it is a number.
- There is no access log. Keys that stand in a path (`/compat/hma/<key>/`) appear nowhere.
"""

import logging
import logging.config
import re
import sys
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any
from uuid import UUID

import structlog

WITHHELD = "[withheld]"
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_WORD = re.compile(r"[A-Za-z0-9_.:+-]{0,200}")
_FILE = re.compile(
    r"[\w-]+\.(?:jpe?g|png|gif|webp|heic|avif|bmp|tiff?|mp4|mov|avi|mkv|webm|zip|7z|rar|pdf|csv|jsonl?)\b",
    re.IGNORECASE,
)
_DIGEST = re.compile(r"[0-9A-Fa-f]{16,}")
_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|(?:[0-9A-Fa-f]{0,4}:){3,}[0-9A-Fa-f]{0,4}")
_KEY = re.compile(r"vk_[0-9a-f]{8}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)")
_SENSITIVE = re.compile(
    r"""https?:\S+|[\w.+-]+@[\w.-]+|(?<!\w)/[^\s'"]*|'[^']*'|"[^"]*"|"""
    + "|".join(f"(?:{one.pattern})" for one in (re.compile(_KEY.pattern + r"\S*"), _FILE, _DIGEST, _ADDRESS)),
    re.IGNORECASE,
)
_PLACE = re.compile(r"%[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")
_MAX_TEMPLATE = 200


def is_safe(value: object) -> bool:
    """Say whether a value may stand in the log: a number, an id, a time or a plain word."""
    if value is None or isinstance(value, bool | int | float | UUID):
        return True
    if isinstance(value, list | tuple | set | frozenset):
        return all(is_safe(one) for one in value)
    if not isinstance(value, str):
        return False
    if _UUID.fullmatch(value) or _TIME.fullmatch(value):
        return True
    holds = _DIGEST.search(_UUID.sub("", value)) or _ADDRESS.search(value) or _KEY.search(value) or _FILE.search(value)
    return bool(_WORD.fullmatch(value)) and not holds


def scrub(text: str) -> str:
    """Take out of a library's fixed text whatever could be a value."""
    return _SENSITIVE.sub(WITHHELD, text)[:_MAX_TEMPLATE]


def withhold(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Write WITHHELD for every value that may not stand in the log."""
    return {name: value if is_safe(value) else WITHHELD for name, value in event.items()}


def places(error: BaseException) -> list[str]:
    """Return the functions that an error passed, innermost last, without paths or values."""
    found = []
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        found.append(f"{module}.{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}".replace("<", "").replace(">", ""))
        trace = trace.tb_next
    return found[-20:]


def name_error(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and the functions it passed."""
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        causes: list[str] = []
        cause: BaseException | None = error
        while cause is not None and len(causes) < 5:
            causes.append(type(cause).__name__)
            cause = cause.__cause__
        event["error"], event["where"] = causes, places(error)
    return event


def _from_library(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = event.pop("positional_args", ())
    if event.get("_from_structlog") is False:
        record: logging.LogRecord = event["_record"]
        template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        event["event"] = record.name
        event["text"] = _PLACE.sub("…", scrub(template))
        numbers = [one for one in given if isinstance(one, int | float)] if isinstance(given, tuple) else []
        if numbers:
            event["numbers"] = numbers
    return event


def _keep_text(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    # The text of a library was scrubbed and may hold more punctuation than a plain word.
    text = event.pop("text", None)
    kept = dict(withhold(_, __, event))
    if text is not None:
        kept["text"] = text
    return kept


def configure(options: Mapping[str, Any]) -> None:
    """Set up the log of this process; Django calls it with settings.LOGGING: {"level": …}."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_error,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "pass_foreign_args": True,
        "processors": [
            _from_library,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _keep_text,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    }
    quiet = {"level": "CRITICAL", "propagate": False}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": options.get("level", "INFO")},
            # What these say of a request is said by errors.py, without its path.
            "loggers": {"django.request": quiet, "django.security": quiet, "axes": quiet},
        }
    )
