# SPDX-License-Identifier: Apache-2.0
import re
import string
from pathlib import Path

import pytest

import vigie
from vigie.evidence.findings import _made_how
from vigie.evidence.wording import LANGUAGES, UnknownLanguageError, Wording, texts
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.values import Turn
from vigie.matching.verdicts import transform_of

# Errors that end a scan, and a kind that others are of.
NEVER_IN_A_ROW = {
    "decode.decoder-missing",
    "sandbox.lost",
    "sandbox.start-failed",
    "sandbox.unconfined",
    "walk.source-missing",
}
FORBIDDEN = re.compile(r"child porn|kinderporn|p[ée]dopornograph|pédo|pedo|!", re.IGNORECASE)


def leaves(table, prefix=""):
    for name, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield from ((f"{prefix}{name}.{number}", one) for number, one in enumerate(value))
        else:
            yield prefix + name, value


def places(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


class TestTexts:
    def test_exist_in_four_languages(self):
        assert set(texts()) == set(LANGUAGES)

    @pytest.mark.parametrize("language", LANGUAGES[1:])
    def test_are_complete_and_name_the_same_values(self, language):
        english, other = (dict(leaves(texts()[one])) for one in ("en", language))
        assert set(english) == set(other)
        assert {name: places(text) for name, text in english.items()} == {
            name: places(text) for name, text in other.items()
        }

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_keep_to_the_words_of_the_field(self, language):
        assert [text for _, text in leaves(texts()[language]) if FORBIDDEN.search(text)] == []

    def test_leave_no_sentence_in_english(self):
        english = dict(leaves(texts()["en"]))
        for language in LANGUAGES[1:]:
            same = {name for name, text in leaves(texts()[language]) if text == english.get(name) and " " in text}
            assert same <= {"moment"}


class TestCodes:
    def test_every_reason_in_a_row_has_its_sentence_in_every_language(self):
        code = re.compile(r'"((?:archive|decode|sandbox|source|scan|walk)\.[a-z-]+)"')
        folder = Path(vigie.__file__).parent
        modules = [*folder.glob("fingerprints/**/*.py"), folder / "evidence/walk.py", folder / "evidence/examine.py"]
        used = {found for module in modules for found in code.findall(module.read_text("utf-8"))} - NEVER_IN_A_ROW
        used |= {f"gate.{gate}" for gate in Gate}
        for language in LANGUAGES:
            assert used - set(texts()[language]["codes"]) == set(), language
            assert set(texts()[language]["codes"]) - used == {"No frame of the video was seen."}

    def test_every_way_to_turn_a_copy_has_its_word(self):
        ways = {transform_of(turn, without_border=border) for turn in Turn for border in (False, True)}
        for language in LANGUAGES:
            assert all(_made_how(Wording(language), way) for way in ways - {"none"})
            assert _made_how(Wording(language), "none") == []
            assert len(_made_how(Wording(language), "border-removed-mirrored")) == 2


class TestWording:
    def test_refuses_another_language(self):
        with pytest.raises(UnknownLanguageError):
            Wording("la")

    @pytest.mark.parametrize(
        ("language", "written"),
        [("en", "1,234,567"), ("fr", "1\u202f234\u202f567"), ("nl", "1.234.567"), ("de", "1.234.567")],
    )
    def test_writes_numbers_as_the_language_does(self, language, written):
        assert Wording(language).number(1234567) == written

    @pytest.mark.parametrize(
        ("size_bytes", "written"),
        [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.00 kB"), (12_345, "12.3 kB"), (999_499, "999 kB"),
         (999_500, "1.00 MB"), (123_456_789, "123 MB"), (4_000_000_000_000, "4.00 TB"), (10**18, "1000 PB")],
    )  # fmt: skip
    def test_writes_sizes_with_three_digits(self, size_bytes, written):
        assert Wording("en").size(size_bytes).replace("\u00a0", " ") == written

    @pytest.mark.parametrize(
        ("part", "whole", "written"),
        [
            (0, 10, "0%"),
            (10, 10, "100%"),
            (1, 3, "33.3%"),
            (1, 100_000, "< 0.1%"),
            (99_999, 100_000, "> 99.9%"),
            (0, 0, "none"),
        ],
    )
    def test_never_rounds_something_to_nothing(self, part, whole, written):
        assert Wording("en").share(part, whole).replace("\u00a0", " ") == written

    @pytest.mark.parametrize(
        ("language", "zero", "one", "two"),
        [
            ("en", "0 files match", "1 file matches", "2 files match"),
            ("fr", "0 fichier correspond", "1 fichier correspond", "2 fichiers correspondent"),
        ],
    )
    def test_chooses_the_plural(self, language, zero, one, two):
        say = Wording(language)
        for n, begins in enumerate((zero, one, two)):
            assert say("known_title", n).startswith(begins)

    @pytest.mark.parametrize(
        ("language", "written"),
        [
            ("en", "5 March 2026, 08:07 UTC"),
            ("fr", "5 mars 2026 à 08:07 UTC"),
            ("nl", "5 maart 2026, 08:07 UTC"),
            ("de", "5. März 2026, 08:07 UTC"),
        ],
    )
    def test_writes_times_in_utc(self, language, written):
        assert Wording(language).moment("2026-03-05T10:07:59+02:00") == written

    @pytest.mark.parametrize(
        ("seconds", "written"),
        [(0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (90_061, "25 h 1 min")],
    )
    def test_writes_durations_in_two_units(self, seconds, written):
        assert Wording("en").duration(seconds).replace("\u00a0", " ") == written

    def test_says_a_reason_as_it_came_where_it_has_no_words_for_it(self):
        assert Wording("de").of_code("plugin.odd", "It is odd.") == "It is odd."
        assert Wording("de").of_code("plugin.odd", None) == "plugin.odd"
