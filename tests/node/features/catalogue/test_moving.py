# SPDX-License-Identifier: Apache-2.0
"""What one node exports, a fresh one takes in: both answer alike, also after revocations, new words and overrides."""

from datetime import date

import pytest

from node.features.catalogue.catalogue_building import (
    DAY,
    NOW,
    WRITER,
    import_row,
    make_list,
    md5,
    pdq,
    say,
    sha256,
    source,
    staged,
)
from vigie.fingerprints.values import Algorithm
from vigie.matching.verdicts import Outcome
from vigie_node.catalogue import actions, exporting, importing
from vigie_node.catalogue.exporting import Format
from vigie_node.catalogue.identity import NewFingerprint
from vigie_node.catalogue.models import (
    Assertion,
    Depiction,
    Fingerprint,
    Import,
    Override,
    Revocation,
    UpstreamRecord,
)
from vigie_node.catalogue.states import Kind, OverrideKind
from vigie_node.matching import answers, lookup
from vigie_node.matching.questions import Question

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_index")]
SHA256, MD5, PDQ = Algorithm.SHA256, Algorithm.MD5, Algorithm.PDQ
BLANK = NewFingerprint(PDQ, bytes(32), 90, role="borderless")


def record(seed, *more):
    prints = [NewFingerprint(SHA256, sha256(seed)), NewFingerprint(MD5, md5(seed)), NewFingerprint(PDQ, pdq(seed), 90)]
    return actions.record_depiction([*prints, *more], kind=Kind.PICTURE, **WRITER)


def told():
    """What is told of each value: the verdict, and of each claim what does not depend on the node."""
    asked = [
        [Question(algorithm, value, 90 if algorithm is PDQ else 255)]
        for seed in range(7)
        for algorithm, value in ((SHA256, sha256(seed)), (MD5, md5(seed)), (PDQ, pdq(seed)))
    ]
    return [
        (one.verdict, one.reason, [
            (claim.algorithm, claim.distance_bits, claim.scheme, claim.label, claim.asserted_by, claim.asserted_at,
             sorted(claim.labels.items()))
            for claim in one.claims
        ])
        for one in answers.answer(lookup.of_catalogue(), asked)
    ]  # fmt: skip


def emptied():
    """Make this a fresh node: what it held is gone, its list stays."""
    for model in (Override, Revocation, Assertion, UpstreamRecord, Fingerprint, Depiction, Import):
        model.objects.all().delete()
    lookup.of_catalogue().read_anew()


def take_in(path, *, now):
    """Take in the whole of what a partner has to say, and what it no longer says is taken back."""
    import_id = staged(path, source("Partner"), relays=True, full=True, now=now)
    importing.make_visible(import_id, revoking=import_row(import_id).counts.get("revoking", 0), **WRITER)


class TestMoving:
    @pytest.mark.parametrize("form", Format)
    def test_a_fresh_node_answers_as_the_first_after_each_export(self, tmp_path, form):
        listed = make_list()
        one, other = source(), source("Hotline B")
        shown = [record(seed, *([BLANK] if seed == 6 else [])) for seed in range(7)]
        words = [say(each, one, "C", at=NOW - 2 * DAY) for each in shown]
        for each in shown[:3]:
            say(each, one, "A1", scheme="tech-coalition", at=NOW - 2 * DAY)
            say(each, other, "baseline", scheme="inhope", at=NOW - DAY)
        expected = []
        for number, change in enumerate((
            lambda: None,
            lambda: actions.revoke(words[0], reason="wrong", **WRITER),
            lambda: actions.revoke(words[3], reason="wrong", **WRITER),
            lambda: say(shown[4], one, "A", at=NOW - DAY),
            lambda: actions.override(
                SHA256, sha256(5), kind=OverrideKind.SUPPRESSED, reason="r", review_on=date(2027, 1, 1), **WRITER
            ),
            lambda: actions.open_dispute(words[6], grounds="doubtful", **WRITER),
        )):  # fmt: skip
            change()
            exporting.export_list(listed, tmp_path / str(number), form=form, issuer="Our node", **WRITER)
            expected.append(told())
        emptied()
        for number, wanted in enumerate(expected):
            take_in(tmp_path / str(number), now=NOW + (1 + number) * DAY)
            found = told()
            if (
                number >= 4
            ):  # what is held back by value is this node's own decision: the other holds that value already
                assert [one.pop(15)[0] for one in (found, wanted)] == [Outcome.KNOWN, Outcome.UNKNOWN]
            assert found == wanted
