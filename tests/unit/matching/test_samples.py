# SPDX-License-Identifier: Apache-2.0
import io

import pytest

from unit.lists.list_building import NOW, digest, opened
from unit.matching.contents import verdict
from vigie.fingerprints.decode import pictures, videos
from vigie.fingerprints.values import Algorithm, Digests
from vigie.lists.entries import Claim
from vigie.lists.media import entry_of_file
from vigie.matching.verdicts import Outcome

CLAIM = Claim("demonstration", "sample", "Example hotline")


def clip(shared, name):
    content = (shared / "data/video" / name).read_bytes()
    return videos.examine(io.BytesIO(content), full=False, limits=videos.VideoLimits())


def photograph(shared, name):
    return pictures.examine((shared / "data/pdq" / name).read_bytes(), limits=pictures.PictureLimits())


def listed(content, depiction):
    own = Digests(*(digest(1, algorithm=one) for one in (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)))
    found = entry_of_file(content, digests=own, size_bytes=5000, claim=CLAIM, asserted_at=NOW, depiction=depiction)
    return opened([found.entry])


class TestSampleClips:
    def test_the_two_clips_of_one_chair_match_each_other_and_the_pattern_neither(self, shared):
        chair, grey = clip(shared, "chair-orig-22-sd-bar.mp4"), clip(shared, "chair-22-sd-grey-bar.mp4")
        pattern = clip(shared, "pattern-sd-grey-bar.mp4")
        for known, query in ((chair, grey), (grey, chair)):
            answer = verdict(query, listed(known, "the chair"))
            [match] = answer.matches
            assert (answer.verdict, match.algorithm, match.transform) == (Outcome.NEAR, Algorithm.PDQ_FRAMES, "none")
            assert min(match.share_of_query, match.share_of_known) > 0.9
            [query_range], [known_range] = match.time_ranges.query, match.time_ranges.known
            assert min(query_range.end_seconds, known_range.end_seconds) > 20
            assert verdict(pattern, listed(known, "the chair")).verdict is Outcome.UNKNOWN
            assert verdict(query, listed(pattern, "the pattern")).verdict is Outcome.UNKNOWN


class TestSamplePhotographs:
    @pytest.mark.parametrize(
        ("name", "transform"),
        [
            ("bridge-1-original.jpg", "none"),
            ("bridge-2-rotate-90.jpg", "rotated-270"),  # the sample's name counts anticlockwise
            ("bridge-3-rotate-180.jpg", "rotated-180"),
            ("bridge-5-flipx.jpg", "mirrored-rotated-180"),
            ("bridge-6-flipy.jpg", "mirrored"),
        ],
    )
    def test_every_turned_copy_of_the_bridge_is_near_it_and_told_how(self, shared, name, transform):
        answer = verdict(photograph(shared, name), listed(photograph(shared, "bridge-1-original.jpg"), "the bridge"))
        assert answer.verdict is Outcome.NEAR
        [match] = answer.matches
        assert (match.transform, match.distance_bits <= 10) == (transform, True)

    @pytest.mark.parametrize("name", ["q0122.jpg", "q0746.jpg", "exif-rotn-1.jpg"])
    def test_another_photograph_is_not(self, shared, name):
        answer = verdict(photograph(shared, name), listed(photograph(shared, "bridge-1-original.jpg"), "the bridge"))
        assert answer.verdict is Outcome.UNKNOWN
