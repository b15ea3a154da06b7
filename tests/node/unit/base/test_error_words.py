# SPDX-License-Identifier: Apache-2.0
"""Errors on pages: word for word where they are translated, else by their kind, never less than in English."""

import pytest
from django.utils import translation

from vigie import errors
from vigie_node.base import error_words

WHOLE = "there is no such list"
WITH_A_NUMBER = "a note has at most 500 characters"


class TestSaid:
    @pytest.mark.parametrize(
        ("language", "said"),
        [
            ("en", "there is no such list"),
            ("fr", "cette liste n’existe pas"),
            ("nl", "deze lijst bestaat niet"),
            ("de", "diese Liste gibt es nicht"),
        ],
    )
    def test_is_word_for_word_where_it_can_be(self, language, said):
        with translation.override(language):
            assert error_words.said(errors.NotFoundError(WHOLE)) == said

    def test_names_the_kind_and_keeps_the_rest_where_it_cannot(self):
        with translation.override("de"):
            said = error_words.said(errors.InvalidInputError(WITH_A_NUMBER))
        assert said == f"So kann das nicht angenommen werden; ändern Sie es. ({WITH_A_NUMBER})"

    def test_is_word_for_word_with_what_stands_in_its_places(self):
        refused = errors.InvalidInputError("{name} has at most {limit} characters", name="recipe", limit=9)
        assert str(refused) == "recipe has at most 9 characters"
        with translation.override("nl"):
            assert error_words.said(refused) == "recipe heeft hoogstens 9 tekens"

    def test_adds_nothing_in_english(self):
        with translation.override("en"):
            assert error_words.said(errors.InvalidInputError(WITH_A_NUMBER)) == WITH_A_NUMBER

    @pytest.mark.parametrize("kind", errors.VigieError.__subclasses__()[:7])
    def test_says_something_of_every_kind_in_every_language(self, kind):
        for language in ("fr", "nl", "de"):
            with translation.override(language):
                assert error_words.said(kind("")) != ""
                assert error_words.said(kind("x")).endswith(" (x)")

    def test_says_nothing_of_an_error_of_no_kind_that_says_nothing(self):
        assert error_words.said(errors.VigieError()) == ""
