# SPDX-License-Identifier: Apache-2.0
"""Every language says everything: no string missing, unsure or untranslated, and the same places filled in each."""

import re

import pytest

import messages

# %(name)s, %s, {name}, and the HTML around words
PLACES = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|</?\w+")


@pytest.fixture(scope="module")
def found():
    return messages.strings()


@pytest.mark.parametrize("language", messages.LANGUAGES)
class TestLanguage:
    def test_holds_every_string_and_no_other(self, found, language):
        path = messages.NODE / "locale" / language / "LC_MESSAGES" / "django.po"
        assert path.read_bytes() == messages.merged(found, language), "run `make messages`"

    def test_translates_each(self, language):
        assert messages.untranslated(language) == []

    def test_keeps_what_is_filled_in(self, language):
        assert [
            message.id for message in messages.catalogue(language) if message.id and not keeps_places(message)
        ] == []


UNSPACED = re.compile(r"(?<![\u00a0:])[;?!»]|(?<=[ \w])[:](?!\w|%)|«(?!\u00a0)")


class TestFrench:
    def test_sets_a_space_that_does_not_break_before_double_signs(self):
        said = [text for one in messages.catalogue("fr") if one.id for text in _texts(one)]
        assert [text for text in said if UNSPACED.search(text)] == []


def _texts(message):
    return [message.string] if isinstance(message.string, str) else message.string


def keeps_places(message):
    """A singular may leave its number out: "one file" for "%(n)s files"."""
    if isinstance(message.id, str):
        return sorted(PLACES.findall(message.id)) == sorted(PLACES.findall(message.string))
    allowed = {place for form in message.id for place in PLACES.findall(form)}
    plural = sorted(PLACES.findall(message.id[-1])) == sorted(PLACES.findall(message.string[-1]))
    return plural and all(allowed >= set(PLACES.findall(form)) for form in message.string)


class TestKeepsPlaces:
    @pytest.mark.parametrize(
        ("words", "translation", "kept"),
        [
            ("%(n)s of {x}", "{x}: %(n)s", True),
            ("%(n)s of {x}", "{x}: %(m)s", False),
            ("<b>Now</b>", "<b>Jetzt</b>", True),
            ("<b>Now</b>", "Jetzt", False),
            (("%(n)s file", "%(n)s files"), ("ein Ordner", "%(n)s Ordner"), True),
            (("one file", "%(n)s files"), ("un fichier", "des fichiers"), False),
        ],
    )
    def test_compares(self, words, translation, kept):
        assert keeps_places(messages.Catalog("de").add(words, translation)) is kept
