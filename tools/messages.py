# SPDX-License-Identifier: Apache-2.0
"""Keeps the translations of the node's pages: `python tools/messages.py` after the words of a page have changed.

- Every string that templates and modules mark goes into each language's `django.po`; what is translated stays.
- A string that is gone leaves; one that changed is untranslated again, never guessed at.
- The compiled `.mo` files are made whenever the package is built or installed, and committed nowhere.
- No gettext program is needed: Django reads its templates, babel everything else.
- What pages show and no module marks is found by `unmarked.py`.
"""

import ast
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

NODE = Path(__file__).resolve().parents[1] / "src" / "vigie_node"
LANGUAGES = ("de", "fr", "nl")
HEADER = """\
# SPDX-License-Identifier: Apache-2.0
# What the pages of Vigie's node say; `make messages` brings in new strings."""
UNDATED = datetime(2026, 1, 1, tzinfo=UTC)  # else each run would change every file

PLAIN, PLURAL = None, (1, 2)
CONTEXT, CONTEXT_PLURAL = ((1, "c"), 2), ((1, "c"), 2, 3)
KEYWORDS = {
    name + suffix: spec
    for suffix in ("", "_lazy")
    for name, spec in {"gettext": PLAIN, "ngettext": PLURAL, "pgettext": CONTEXT, "npgettext": CONTEXT_PLURAL}.items()
} | {"_": PLAIN, "gettext_noop": PLAIN}

STRING = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
CALL = re.compile(rf" (n?p?gettext|_)\(({STRING}(?:, {STRING})*)(?:, ?count)?\) ", re.DOTALL)

Message = tuple[str | tuple[str, str], str | None]


def strings() -> Catalog:
    """Return every string that pages show, with the files that it is in."""
    found = Catalog(creation_date=UNDATED)
    for path in sorted(NODE.rglob("*")):
        if path.suffix == ".py":
            for _, words, _, context in extract_from_file("python", path, keywords=KEYWORDS):
                found.add(words, locations=[_location(path)], context=context)
        elif path.parts[len(NODE.parts) :][:1] != ("static",) and path.suffix in {".html", ".txt"}:
            for words, context in _in_template(path):
                found.add(words, locations=[_location(path)], context=context)
    for words, source in _unmarked():
        found.add(words, locations=[(f"src/{source}", 0)])
    return found


def _unmarked() -> Iterator[tuple[str, str]]:
    import unmarked  # noqa: PLC0415 - not there when a package is built

    return unmarked.strings()


def _in_template(path: Path) -> Iterator[Message]:
    """Yield what a template marks; Django turns its tags into calls, which are read one by one."""
    from django.utils.translation.template import templatize  # noqa: PLC0415 - not there when a package is built

    for name, arguments in CALL.findall(templatize(path.read_text(encoding="utf-8"), str(path))):
        words = ast.literal_eval(f"({arguments},)")
        context = words[0] if "pgettext" in name else None
        rest = words[1:] if context else words
        yield (rest if len(rest) > 1 else rest[0], context)


def _location(path: Path) -> tuple[str, int]:
    return str(path.relative_to(NODE.parents[1])), 0


def catalogue(language: str) -> Catalog:
    """Return the translations into one language as they are."""
    path = _path(language)
    if not path.exists():
        return Catalog(language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(found: Catalog) -> None:
    """Bring the strings that were found into every language's file."""
    for language in LANGUAGES:
        _path(language).parent.mkdir(parents=True, exist_ok=True)
        _path(language).write_bytes(merged(found, language))


def merged(found: Catalog, language: str) -> bytes:
    """Return what a language's file should hold: every string that was found, with the translation it has."""
    translations = catalogue(language)
    new = Catalog(language, header_comment=HEADER, creation_date=UNDATED, revision_date=UNDATED, fuzzy=False)
    new.project, new.version, new.msgid_bugs_address = "vigie", "node", ""
    new.last_translator = new.language_team = "The Vigie authors"
    for message in found:
        before = translations.get(message.id, message.context)
        if before is None or before.id != message.id:
            before = message
        if message.id:
            words = new.add(message.id, before.string, message.locations, before.flags, context=message.context)
            words.user_comments = before.user_comments
    file = io.BytesIO()
    write_po(file, new, width=120, sort_by_file=True, include_lineno=False)
    return file.getvalue()


def untranslated(language: str) -> list[str]:
    """Return the strings of a language's file that still want a translation, or a person's look at it."""
    return [
        str(message.id)
        for message in catalogue(language)
        if message.id and (message.fuzzy or not message.string or not all(message.string))
    ]


def compile_all() -> None:
    """Make the compiled file of every language that has translations."""
    for language in LANGUAGES:
        if _path(language).exists():
            with _path(language).with_suffix(".mo").open("wb") as file:
                write_mo(file, catalogue(language))


def _path(language: str) -> Path:
    return NODE / "locale" / language / "LC_MESSAGES" / "django.po"


if __name__ == "__main__":
    all_strings = strings()
    update(all_strings)
    compile_all()
    for each in LANGUAGES:
        sys.stdout.write(f"{each}: {len(all_strings)} strings, {len(untranslated(each))} to translate\n")
