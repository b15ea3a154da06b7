# SPDX-License-Identifier: Apache-2.0

import pytest

from unit.lists.list_building import NOW, digest, opened, pdq_value, picture_entry
from unit.matching.contents import digests, picture, verdict
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.messages import Other
from vigie.fingerprints.values import Algorithm, Digests
from vigie.lists.entries import Entry
from vigie.lists.policy import Policy
from vigie.matching.matcher import Matcher
from vigie.matching.verdicts import CONTRADICTED, Outcome


def known_as(entry: Entry, policy=None) -> tuple[Outcome, bool | None, str]:
    answer = verdict(picture(pdq_value(5)), opened([entry], policy=policy), of=digests(1))
    return answer.verdict, answer.matches[0].collision_prone if answer.matches else None, answer.reason


class TestExact:
    SHA256, SHA1, MD5 = (digest(1, algorithm=one) for one in (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5))
    OTHER = digest(2, algorithm=Algorithm.SHA256)

    @pytest.mark.parametrize(
        ("held", "outcome", "algorithm"),
        [
            ({"sha256": SHA256}, Outcome.KNOWN, "sha256"),
            ({"sha256": SHA256, "sha1": SHA1, "md5": MD5}, Outcome.KNOWN, "sha256"),
            ({"sha256": SHA256, "md5": bytes(16)}, Outcome.KNOWN, "sha256"),
            ({"sha256": None, "sha1": SHA1}, Outcome.KNOWN, "sha1"),
            ({"sha256": None, "sha1": SHA1, "md5": MD5}, Outcome.KNOWN, "sha1"),
            ({"sha256": None, "md5": MD5}, Outcome.KNOWN, "md5"),
            ({"sha256": OTHER, "md5": MD5}, Outcome.UNKNOWN, None),
            ({"sha256": OTHER, "sha1": SHA1}, Outcome.UNKNOWN, None),
            ({"sha256": OTHER, "sha1": SHA1, "md5": MD5}, Outcome.UNKNOWN, None),
            ({"sha256": None, "sha1": bytes(20), "md5": MD5}, Outcome.UNKNOWN, None),
            ({"sha256": OTHER}, Outcome.UNKNOWN, None),
        ],
    )
    def test_says_known_by_the_strongest_digest_unless_another_contradicts(self, held, outcome, algorithm):
        entry = picture_entry(1, values=(), **held)
        answer = verdict(picture(pdq_value(5)), opened([entry]), of=digests(1))
        assert answer.verdict is outcome
        assert [match.algorithm for match in answer.matches] == ([algorithm] if algorithm else [])
        assert [match.collision_prone for match in answer.matches] == ([algorithm != "sha256"] if algorithm else [])
        contradicted = outcome is Outcome.UNKNOWN and held != {"sha256": self.OTHER}
        assert (CONTRADICTED in answer.reason) == contradicted

    def test_another_entry_of_the_same_list_contradicts_too(self):
        bare = picture_entry(1, values=(), sha256=None, md5=self.MD5)
        other = picture_entry(2, values=(), sha256=self.OTHER, md5=self.MD5)
        assert verdict(picture(pdq_value(5)), opened([bare, other]), of=digests(1)).verdict is Outcome.UNKNOWN
        assert verdict(picture(pdq_value(5)), opened([bare]), opened([other]), of=digests(1)).verdict is Outcome.KNOWN

    def test_an_algorithm_that_the_list_does_not_use_still_contradicts(self):
        policy = Policy(algorithms=(Algorithm.MD5,))
        both = picture_entry(1, values=(), sha256=self.OTHER, md5=self.MD5)
        assert known_as(both, policy)[0] is Outcome.UNKNOWN
        assert known_as(picture_entry(1, values=(), sha256=self.SHA256), policy)[0] is Outcome.UNKNOWN

    def test_says_that_a_weak_digest_is_not_to_be_acted_on_alone(self):
        outcome, is_weak, reason = known_as(picture_entry(1, values=(), sha256=None, md5=self.MD5))
        assert (outcome, is_weak) == (Outcome.KNOWN, True)
        assert "MD5" in reason
        assert "not to be acted on alone" in reason

    @pytest.mark.parametrize(("of", "size_bytes", "gate"), [
        (Digests.EMPTY, 0, Gate.EMPTY), (digests(1), 0, Gate.EMPTY), (digests(1), 63, Gate.TRIVIAL),
    ])  # fmt: skip
    def test_trivial_content_is_gated_even_where_it_is_listed(self, of, size_bytes, gate):
        one = opened([picture_entry(1, sha256=of.sha256)])
        answer = verdict(Other(), one, of=of, size_bytes=size_bytes)
        assert (answer.verdict, answer.matches) == (Outcome.GATED, ())
        assert gate.sentence in answer.reason

    def test_a_negative_list_gates_by_sha256_and_not_by_md5(self):
        listed = opened([picture_entry(1, md5=self.MD5)])
        by_sha256 = opened([picture_entry(1, values=())], policy=Policy(negative=True))
        by_md5 = opened([picture_entry(2, values=(), md5=self.MD5)], policy=Policy(negative=True))
        assert verdict(Other(), listed, by_sha256, of=digests(1)).verdict is Outcome.GATED
        assert verdict(Other(), listed, by_md5, of=digests(1)).verdict is Outcome.KNOWN

    def test_a_decided_content_need_not_be_decoded(self):
        matcher = Matcher([opened([picture_entry(1)])], now=NOW)
        assert matcher.exact(digests(1), size_bytes=5000).is_decided
        assert matcher.exact(digests(2), size_bytes=0).is_decided
        assert not matcher.exact(digests(2), size_bytes=5000).is_decided
