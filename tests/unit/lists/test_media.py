# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from unit.lists.list_building import CLAIM, NOW, digest, pdq_value
from vigie.fingerprints import gates
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.messages import Frame, Other, Picture, Problem, Value, Video
from vigie.fingerprints.picture import RECIPE
from vigie.fingerprints.values import Algorithm, Digests
from vigie.lists.entries import Claim, FrameValue, Kind, Role, derived_depiction
from vigie.lists.media import TrivialContentError, entry_of_file

DIGESTS = Digests(*(digest(1, algorithm=one) for one in (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)))
UNLABELLED = Claim(None, None, "Example hotline")
BLANK = gates.built_in().values[0].tobytes()


def value(seed, *, pdq=None, quality=100) -> Value:
    rest = np.random.default_rng(seed).bytes(224)
    return Value(turns=(pdq or pdq_value(seed)) + rest, quality=quality)


def picture(**changed) -> Picture:
    return Picture(**{"format": "PNG", "width_px": 640, "height_px": 480, "stored": value(1)} | changed)


def video(*frames) -> Video:
    return Video(format="MP4", width_px=640, height_px=480, duration_seconds=9, frames=list(frames), full=True)


def listed(content, **more):
    given = {"digests": DIGESTS, "size_bytes": 5000, "claim": UNLABELLED, "asserted_at": NOW} | more
    return entry_of_file(content, **given)


class TestEntryOfFile:
    def test_a_picture_is_listed_by_every_side_of_it(self):
        sides = {"upright": value(2), "borderless": value(3), "on_black": value(4, quality=60)}
        entry = listed(picture(**sides)).entry
        assert [(one.role, one.pdq, one.quality) for one in entry.values] == [
            (Role.STORED, pdq_value(1), 100),
            (Role.UPRIGHT, pdq_value(2), 100),
            (Role.BORDERLESS, pdq_value(3), 100),
            (Role.ON_BLACK, pdq_value(4), 60),
        ]
        assert (entry.md5, entry.sha1, entry.sha256) == (DIGESTS.md5, DIGESTS.sha1, DIGESTS.sha256)
        assert entry.claim == Claim(None, None, "Example hotline", RECIPE)
        assert entry.depiction == derived_depiction(DIGESTS.sha256, algorithm=Algorithm.SHA256)

    def test_a_video_is_listed_by_its_frames_to_the_millisecond(self):
        entry = listed(video(Frame(at_seconds=1.23456, until_seconds=1e9, value=value(7)))).entry
        assert (entry.kind, entry.frames) == (Kind.VIDEO, (FrameValue(1235, 2**32 - 1, pdq_value(7), 100),))

    @pytest.mark.parametrize(
        ("content", "gate"),
        [
            (picture(stored=value(1, quality=49)), Gate.LOW_QUALITY),
            (picture(stored=value(1, pdq=BLANK)), Gate.UNBALANCED),
            (picture(width_px=40), Gate.TINY),
            (video(Frame(at_seconds=0, until_seconds=1, value=value(1, quality=0))), Gate.LOW_QUALITY),
        ],
    )
    def test_a_value_that_may_never_match_is_left_out_and_said(self, content, gate):
        found = listed(content)
        assert (found.entry.values, found.entry.frames, found.left_out) == ((), (), (gate,))
        assert found.entry.sha256 == DIGESTS.sha256
        assert found.entry.claim == UNLABELLED

    def test_the_minimum_quality_is_the_lists(self):
        assert listed(picture(stored=value(1, quality=30)), min_quality=30).left_out == ()

    @pytest.mark.parametrize(
        ("content", "kind"),
        [(Other(), Kind.OTHER), (Problem(code="a", message="b", kind="video"), Kind.VIDEO)],
    )
    def test_what_has_no_values_is_listed_by_its_digests(self, content, kind):
        entry = listed(content, claim=CLAIM, depiction="case 7").entry
        assert (entry.kind, entry.depiction, entry.claim) == (kind, "case 7", CLAIM)

    @pytest.mark.parametrize(("size_bytes", "digests"), [(0, DIGESTS), (63, DIGESTS), (5000, Digests.EMPTY)])
    def test_trivial_content_is_not_listed(self, size_bytes, digests):
        with pytest.raises(TrivialContentError):
            listed(Other(), size_bytes=size_bytes, digests=digests)
