# SPDX-License-Identifier: Apache-2.0
"""Whatever is seen, known, revoked and held back, in any order: what stands is what asking again would find."""

import contextlib

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.features.sightings.seeing import (
    NOW,
    ask,
    depict,
    hold_back,
    make_list,
    moved,
    picture,
    retrace_all,
    say,
    seen,
    value,
)
from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.override_actions import AlreadyOverriddenError
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.matching import answers, lookup
from vigie_node.sightings import queries
from vigie_node.sightings.models import Match, Tally

pytestmark = pytest.mark.django_db
events = st.lists(
    st.one_of(
        st.tuples(st.just("seen"), st.integers(0, 5), st.sampled_from([0, 8, 30])),
        st.tuples(st.just("known"), st.integers(0, 5), st.sampled_from([0, 12])),
        st.tuples(st.just("revoked"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("list"), st.sampled_from([0, 10, 31]), st.integers(1, 2)),
        st.tuples(st.just("held back"), st.integers(0, 5), st.sampled_from([0, 12])),
        st.tuples(st.just("let go"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("harmless"), st.integers(0, 5), st.sampled_from([0, 12])),
        st.tuples(st.just("retraced"), st.just(0), st.just(0)),
    ),
    max_size=14,
)


class TestAgainstBruteForce:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(events)
    def test_what_stands_is_what_looking_everything_up_again_would_find(self, what):
        with transaction.atomic():
            lookup.forget()
            self._play(what)
            transaction.set_rollback(True)
        lookup.forget()

    def _play(self, what):
        anchor = seen()
        make_list("harmless", negative=True, classes={"inhope": ("not-illegal",)}, threshold_bits=20)
        made, version, words, held = make_list("played", classes={"inhope": ("national",)}), 1, [], []
        for kind, one, other in what:
            match kind:
                case "seen":
                    ask([*picture(1000)[:3], *picture(one, bits=other)[3:]])
                case "known":
                    by = f"Source {len(words) % 2}"
                    words.append(say(depict(*picture(one, bits=other)), by=by, label="national"))
                case "harmless":
                    words.append(say(depict(*picture(one, bits=other)), by="Reviewers", label="not-illegal"))
                case "revoked" if words:
                    catalogue.revoke(words.pop(one % len(words)), reason="x", by=COMMAND, now=NOW)
                case "list":
                    policy = Policy(mode=Mode.ON, classes={"inhope": ("national",)}, threshold_bits=one, quorum=other)
                    version = catalogue.change_list(
                        made, policy=policy, expected_version=version, reason="x", by=COMMAND, now=NOW
                    )
                case "held back":
                    with contextlib.suppress(AlreadyOverriddenError):
                        held.append(hold_back(Algorithm.PDQ, moved(value(one), other)))
                case "let go" if held:
                    catalogue.end_override(held.pop(one % len(held)), reason="x", by=COMMAND, now=NOW)
                case "retraced":
                    retrace_all()
        retrace_all()
        ids = sorted(set(Match.objects.values_list("sighting_id", flat=True)))
        subjects = queries.subjects_of(ids)
        found = answers.answer(lookup.of_catalogue(), [subjects[one] for one in ids])
        brute = {
            (one, claim.depiction_id, claim.list_id)
            for one, answer in zip(ids, found, strict=True)
            for claim in answer.claims
        }
        stands = Match.objects.filter(undone_at=None).values_list("sighting_id", "depiction_id", "list_id")
        assert set(stands) == brute
        pairs = {(sighting, depiction) for sighting, depiction, _ in brute}
        assert sum(Tally.objects.values_list("sightings", flat=True)) == len(pairs)
        assert {depiction for _, depiction in pairs} >= ({anchor} if ids else set())
