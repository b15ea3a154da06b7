# SPDX-License-Identifier: Apache-2.0
"""A look-up that matched is a sighting; one that did not leaves nothing."""

from datetime import timedelta

import pytest

from node.features.sightings.seeing import KEY, NOW, ask, depict, make_list, picture, say
from vigie.matching.verdicts import Outcome
from vigie_node.audit.models import PendingEvent
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.rules import Mode
from vigie_node.changes.models import Change
from vigie_node.matching import lookup
from vigie_node.sightings import actions
from vigie_node.sightings.models import Match, SeenValue, Sighting, Tally

pytestmark = pytest.mark.django_db


def rows():
    return [model.objects.count() for model in (Sighting, SeenValue, Match, Tally, Change, PendingEvent)]


class TestRecordLookUps:
    def test_a_look_up_without_a_match_leaves_no_row_anywhere(self):
        depiction = depict(*picture(1))
        say(depiction)
        make_list()
        before = rows()
        assert ask(picture(2))[0].verdict is Outcome.UNKNOWN
        assert rows() == before

    def test_keeps_a_match_with_its_reasons_and_its_values(self, settings):
        depiction = depict(*picture(1))
        word = say(depiction)
        known = make_list()
        ask(picture(2), picture(1, bits=4))
        sighting = Sighting.objects.get()
        match = Match.objects.get()
        assert (sighting.place_kind, sighting.place, sighting.country) == ("UPLOAD", "user 7", "BE")
        assert sighting.expires_at == NOW + timedelta(days=settings.MATCHED_SIGHTING_DAYS)
        assert (match.sighting_id, match.depiction_id, match.list_id) == (sighting.pk, depiction, known)
        assert (match.algorithm, match.distance_bits, match.found_by) == ("pdq", 4, "LOOK_UP")
        assert match.assertions == [str(word)]
        assert SeenValue.objects.count() == 4
        assert Tally.objects.get().sightings == 1

    def test_an_answer_that_a_revocation_overtook_is_given_anew(self, monkeypatch):
        """However long the way from the answer to the sighting is: nothing is told that no longer holds."""
        word = say(depict(*picture(1)))
        make_list()
        record, overtaken = actions.record_look_ups, []

        def revoked_meanwhile(*given, **more):
            if not overtaken:
                overtaken.append(catalogue.revoke(word, reason="for the test", by=COMMAND, now=NOW))
            record(*given, **more)

        monkeypatch.setattr(actions, "record_look_ups", revoked_meanwhile)
        assert ask(picture(1))[0].verdict is Outcome.UNKNOWN
        assert overtaken
        assert not Sighting.objects.exists()

    def test_is_in_the_index_of_what_was_seen_at_once(self):
        say(depict(*picture(1)))
        make_list()
        ask(picture(1))
        assert len(lookup.of_seen().candidates(picture(1))) == 4

    def test_counts_a_sighting_once_whatever_the_number_of_lists(self):
        say(depict(*picture(1)))
        make_list("one")
        make_list("two")
        ask(picture(1), picture(1))
        assert Match.objects.count() == 4
        assert Tally.objects.get().sightings == 2

    def test_a_match_in_shadow_is_kept_and_counts_nowhere(self):
        say(depict(*picture(1)))
        make_list(mode=Mode.SHADOW)
        assert ask(picture(1))[0].verdict is Outcome.UNKNOWN
        assert Match.objects.get().is_shadow
        assert not Tally.objects.exists()

    def test_takes_few_statements(self, django_assert_max_num_queries):
        say(depict(*picture(1)))
        make_list()
        answer = ask(picture(1))[0]
        found = [actions.LookUp(picture(1), answer, actions.Place.UPLOAD, NOW)] * 10
        with django_assert_max_num_queries(10):
            actions.record_look_ups(found, by=KEY, now=NOW)

    def test_writes_nothing_for_answers_without_claims(self):
        make_list()
        answer = ask(picture(1))[0]
        before = rows()
        actions.record_look_ups([actions.LookUp(picture(1), answer, actions.Place.UPLOAD, NOW)], by=KEY, now=NOW)
        assert rows() == before
