# SPDX-License-Identifier: Apache-2.0
import dataclasses
import io
import itertools
import random
from pathlib import Path

import av
import numpy as np
import pytest

from unit.fingerprints.decode import footage
from vigie.fingerprints import messages, video
from vigie.fingerprints.decode import sampling, video_luma, videos
from vigie.fingerprints.decode.videos import VideoLimits
from vigie.fingerprints.messages import Other, Problem

LIMITS = VideoLimits()
RATE = footage.RATE
FRAME_PIXELS = footage.WIDTH * footage.HEIGHT


def examined(content, *, full=True, **limits):
    return videos.examine(io.BytesIO(content), full=full, limits=dataclasses.replace(LIMITS, **limits))


def times(found):
    return [frame.at_seconds for frame in found.frames]


def overlap(query, known, *, max_distance_bits=31):
    """Compare two videos as a matcher does: all turns of the query's frames with the known frames."""
    turns = np.array([np.frombuffer(f.value.turns, np.uint8).reshape(8, 32) for f in query.frames])
    rows = np.array([np.frombuffer(f.value.pdq, np.uint8) for f in known.frames])
    distances = np.bitwise_count(turns[:, :, None] ^ rows[None, None]).sum(axis=3).min(axis=1)
    pairs = [(int(q), int(k)) for q, k in np.argwhere(distances <= max_distance_bits)]
    return video.compare(pairs, query=spans(query), known=spans(known))


def spans(found):
    return [video.FrameSpan(f.at_seconds, f.until_seconds, f.value.pdq, f.value.quality >= 50) for f in found.frames]


def near(query, known):
    return video.suffices(overlap(query, known), rule=video.OverlapRule())


def two_tracks(first, second):
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        tracks = [output.add_stream("mpeg4", rate=RATE) for _ in range(2)]
        for track in tracks:
            track.width, track.height = footage.WIDTH, footage.HEIGHT
        for planes in zip(first, second, strict=True):
            for track, plane in zip(tracks, planes, strict=True):
                output.mux(track.encode(footage.coloured(plane)))
        for track in tracks:
            output.mux(track.encode())
    return file.getvalue()


@pytest.fixture(scope="module")
def film():
    """Twelve seconds of wandering, as planes."""
    return list(footage.wander(1, 12 * RATE))


@pytest.fixture(scope="module")
def film_file(film):
    return footage.written(film)


class TestPasses:
    def test_the_key_pass_looks_at_key_frames_alone(self, film_file):
        found = examined(film_file, full=False)
        assert not found.full
        assert times(found) == pytest.approx([0, 2, 4, 6, 8, 10])

    def test_the_full_pass_looks_at_every_second(self, film_file):
        found = examined(film_file)
        assert found.full
        shown = [(frame.at_seconds, frame.until_seconds) for frame in found.frames]
        assert all(after[0] - before[1] <= 1 for before, after in itertools.pairwise(shown))
        assert shown[-1][1] > 11

    def test_says_what_the_video_is(self, film_file):
        found = examined(film_file, full=False)
        assert (found.format, found.width_px, found.height_px, found.shortened) == ("mov h264", 128, 96, None)
        assert found.duration_seconds == pytest.approx(12)

    def test_is_the_same_on_every_run(self, film_file):
        assert examined(film_file) == examined(film_file)

    def test_a_key_pass_that_finds_no_key_frame_becomes_the_full_pass(self):
        file = footage.written(footage.wander(2, 50), container="mov", codec="qtrle", pixels="rgb24")
        assert examined(file, full=False).full

    def test_a_still_scene_is_one_frame_that_lasts(self):
        found = examined(footage.written(footage.still(3, 6 * RATE)))
        assert len(found.frames) == 1
        assert found.frames[0].until_seconds > 5

    def test_reads_from_the_beginning_wherever_the_file_stands(self, film_file):
        file = io.BytesIO(film_file)
        file.seek(1000)
        assert videos.examine(file, full=False, limits=LIMITS) == examined(film_file, full=False)


KINDS = [
    ("mp4", "libx264", "yuv420p", "mov h264"),
    ("matroska", "libx264", "yuv420p10le", "matroska h264"),
    ("mp4", "libx265", "yuv420p", "mov hevc"),
    ("webm", "libvpx-vp9", "yuv420p", "matroska vp9"),
    ("avi", "mpeg4", "yuv420p", "avi mpeg4"),
    ("mpegts", "mpeg2video", "yuv420p", "mpegts mpeg2video"),
    ("dvd", "mpeg2video", "yuv420p", "mpeg mpeg2video"),
    ("flv", "flv", "yuv420p", "flv flv"),
    ("asf", "wmv2", "yuv420p", "asf wmv2"),
    ("avi", "mjpeg", "yuvj420p", "avi mjpeg"),
    ("mov", "prores", "yuv422p10le", "mov prores"),
    ("matroska", "ffv1", "bgr0", "matroska ffv1"),
    ("avi", "rawvideo", "bgr24", "avi rawvideo"),
    ("h264", "libx264", "yuv420p", "h264 h264"),
    ("mxf", "mpeg2video", "yuv420p", "mxf mpeg2video"),
]


class TestFormats:
    @pytest.mark.parametrize(("container", "codec", "pixels", "name"), KINDS, ids=[kind[3] for kind in KINDS])
    def test_the_same_film_in_any_format_is_a_copy(self, film, film_file, container, codec, pixels, name):
        copy = footage.written(film[:100], container=container, codec=codec, pixels=pixels)
        for full in (False, True):
            found = examined(copy, full=full)
            assert (found.format, found.shortened) == (name, None)
        assert overlap(found, examined(film_file)).share_of_query >= 0.8

    def test_every_picture_stream_is_looked_at(self):
        file = two_tracks(footage.still(4, 125), footage.wander(5, 125))
        hidden = examined(footage.written(footage.wander(5, 125)))
        assert near(examined(file), hidden)
        cut = examined(file, streams=1)
        assert not near(cut, hidden)
        assert "1 of 2 streams" in cut.shortened

    def test_a_file_of_sound_alone_is_no_video(self):
        assert examined(footage.sound()) == Other(format="mov, sound alone")

    def test_a_file_with_neither_pictures_nor_sound_is_damaged(self):
        content = footage.written(footage.wander(1, 5)).replace(b"\0\0\0\0vide", b"\0\0\0\0text")
        at = content.index(b"avc1", content.index(b"stsd"))
        found = examined(content[:at] + b"tx3g" + content[at + 4 :])
        assert (found.code, found.kind) == ("decode.no-picture-stream", "video")

    def test_a_video_turned_by_its_metadata_is_found_by_its_turns(self, film):
        upright = footage.written(film[:100])
        turned = footage.written([np.ascontiguousarray(np.rot90(plane)) for plane in film[:100]])
        at = turned.index(b"tkhd") + 44
        one, none = (1 << 16).to_bytes(4), bytes(4)
        assert turned[at : at + 16] == one + none * 3
        flagged = turned[:at] + none + one + none + (-1 << 16).to_bytes(4, signed=True) + none + turned[at + 20 :]
        assert examined(flagged).frames == examined(turned).frames
        assert near(examined(flagged), examined(upright))


class TestTimes:
    @pytest.mark.parametrize(
        "tick",
        [
            pytest.param(lambda number: 40 * number + 90_000, id="starts late"),
            pytest.param(lambda number: 40 * number if number < 50 else 40 * number + 500, id="a pause"),
            pytest.param(lambda number: 40 * number + 13 * (number % 3), id="variable rate"),
        ],
    )
    def test_other_clocks_change_little(self, film, film_file, tick):
        found = examined(footage.written(film[:100], container="matroska", times=tick))
        assert found.frames[0].at_seconds == 0
        assert times(found) == sorted(times(found))
        assert near(found, examined(film_file))

    def test_a_clock_that_starts_again_goes_on(self, film):
        first, second = (footage.written(part, container="mpegts") for part in (film[:75], film[75:150]))
        found = examined(first + second)
        assert times(found) == sorted(times(found))
        assert found.frames[-1].at_seconds == pytest.approx(6, abs=1.5)

    def test_timestamps_that_stand_still_hide_nothing(self, film):
        hurried = examined(footage.written(film, container="matroska", times=lambda number: number))
        assert len(hurried.frames) >= len(film) / sampling.FRAMES_AT_MOST

    @pytest.mark.parametrize(("full", "until"), [(False, 4), (True, 6)])
    def test_a_stream_without_timestamps_has_the_usual_rate(self, film, full, until):
        bare = footage.written(film[:150], container="h264")
        assert examined(bare, full=full).frames[-1].until_seconds == pytest.approx(until, abs=1)


class TestMatching:
    @pytest.mark.parametrize(("container", "codec"), [("mp4", "libx264"), ("avi", "mpeg4"), ("webm", "libvpx-vp9")])
    @pytest.mark.parametrize("begin", [61, 87, 100])
    def test_a_clip_inside_a_longer_film_is_found_with_its_place(self, film, film_file, container, codec, begin):
        clip = examined(footage.written(film[begin : begin + 150], container=container, codec=codec))
        found = overlap(clip, examined(film_file))
        assert video.suffices(found, rule=video.OverlapRule())
        assert found.ranges_known[0].start_seconds == pytest.approx(begin / RATE, abs=1.0)
        assert found.ranges_known[-1].end_seconds == pytest.approx(begin / RATE + 6, abs=1.0)

    def test_a_known_clip_inside_a_longer_film_is_found(self, film):
        known = examined(footage.written(film[33:183]))
        strangers = [*footage.wander(7, 200), *film[33:183], *footage.wander(8, 200)]
        assert near(examined(footage.written(strangers)), known)

    def test_half_the_size_and_mirrored_is_found(self, film, film_file):
        copy = [np.ascontiguousarray(plane[::2, ::-2]) for plane in film]
        assert near(examined(footage.written(copy)), examined(film_file))

    def test_an_intro_in_common_does_not_make_two_films_near(self):
        intro = list(footage.wander(9, 3 * RATE))
        one, other = ([*intro, *footage.wander(seed, 9 * RATE)] for seed in (10, 11))
        found = overlap(examined(footage.written(one)), examined(footage.written(other)))
        assert found.distinct_frames >= 3
        assert not video.suffices(found, rule=video.OverlapRule())

    def test_black_in_common_does_not_make_two_films_near(self):
        one, other = ([*footage.black(5 * RATE), *footage.wander(seed, 3 * RATE)] for seed in (12, 13))
        found = overlap(examined(footage.written(one)), examined(footage.written(other)))
        assert (found.share_of_query, found.distinct_frames) == (0, 0)

    def test_a_black_leader_hides_nothing(self, film, film_file):
        led = footage.written([*footage.black(5 * RATE), *film])
        found = overlap(examined(led), examined(film_file))
        assert found.share_of_query == 1
        assert found.ranges_query[0].start_seconds == pytest.approx(5, abs=1)

    def test_a_short_loop_is_the_scene_it_repeats(self, film):
        scene = film[20:95]
        found = overlap(examined(footage.written(scene * 6)), examined(footage.written(scene)))
        assert found.share_of_known == 1
        assert video.suffices(found, rule=video.OverlapRule())

    def test_strangers_share_nothing(self, film_file):
        stranger = examined(footage.written(footage.wander(14, 12 * RATE)))
        assert overlap(stranger, examined(film_file)).distinct_frames == 0

    @pytest.mark.parametrize("full", [False, True])
    def test_the_chairs_match_each_other_and_the_pattern_matches_neither(self, shared, full):
        names = ("chair-orig-22-sd-bar", "chair-22-sd-grey-bar", "pattern-sd-grey-bar")
        contents = [(shared / "data" / "video" / f"{name}.mp4").read_bytes() for name in names]
        chair, grey, pattern = (examined(content, full=full) for content in contents)
        found = overlap(grey, chair)
        assert video.suffices(found, rule=video.OverlapRule())
        assert found.distinct_frames >= 10
        for ranges in (found.ranges_query, found.ranges_known):
            assert ranges[0].start_seconds <= 1
            assert ranges[-1].end_seconds >= 21
        assert overlap(pattern, chair).distinct_frames == overlap(pattern, grey).distinct_frames == 0


class TestLimits:
    def test_a_frame_too_large_is_not_decoded(self, film_file):
        found = examined(film_file, frame_pixels=1000)
        assert (found.code, found.examined, found.kind) == ("decode.too-large", False, "video")

    def test_a_stream_whose_frames_grow_later_stays_within_the_limit(self, film):
        large = [np.kron(plane, np.ones((4, 4), np.uint8)) for plane in film[:25]]
        grown = footage.written(film[:50], container="h264") + footage.written(large, container="h264")
        found = examined(grown, frame_pixels=20_000)
        assert "damaged packets" in found.shortened
        assert found.frames[-1].at_seconds < 3

    def test_says_how_many_frames_were_kept(self, film_file):
        found = examined(film_file, frames=5)
        assert len(found.frames) == 5
        assert found.shortened == "only the first 5 distinct frames were kept"

    def test_says_how_many_seconds_were_examined(self, film_file):
        found = examined(film_file, duration_seconds=4.5)
        assert max(times(found)) <= 4.5
        assert found.shortened == "only the first 4 seconds were examined"

    def test_goes_on_with_key_frames_when_half_of_the_pixels_are_used_up(self, film_file):
        found = examined(film_file, decoded_pixels=300 * FRAME_PIXELS)
        assert found.shortened == "the limit of decoded pixels left key frames only for the later part"
        assert times(found)[-1] == pytest.approx(10)
        assert len(found.frames) < len(examined(film_file).frames)

    def test_ends_when_all_of_the_pixels_are_used_up(self, film_file):
        found = examined(film_file, full=False, decoded_pixels=3 * FRAME_PIXELS)
        assert found.shortened == "the limit of decoded pixels ended the pass early"
        assert max(times(found)) < 6


PLAYLISTS = {
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n%s\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile '%s'\n",
    "dash": b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>%s</BaseURL></MPD>",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=%s\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "ffmetadata": b";FFMETADATA1\ntitle=%s\n",
    "nothing": b"",
    "zeros": bytes(4096),
}


class TestHostileFiles:
    @pytest.mark.parametrize("name", PLAYLISTS)
    def test_refuses_lists_of_other_files(self, name, tmp_path):
        target = tmp_path / "target.mp4"
        target.write_bytes(footage.written(footage.wander(1, 25)))
        content = PLAYLISTS[name]
        found = examined(content % bytes(target) if b"%s" in content else content)
        assert isinstance(found, Problem)
        assert found.code in {"decode.damaged", "decode.unsupported-container"}

    def test_refuses_to_open_another_file(self):
        with pytest.raises(PermissionError):
            videos._refuse("file:/etc/hostname", 0, {})

    def test_no_thread_is_started(self, film_file):
        class Watched(io.BytesIO):
            threads = 0

            def read(self, size=-1):
                self.threads = max(self.threads, len(list(Path("/proc/self/task").iterdir())))
                return super().read(size)

        if not Path("/proc/self/task").is_dir():
            pytest.skip("threads are counted through /proc, which only Linux has")
        before = len(list(Path("/proc/self/task").iterdir()))
        file = Watched(footage.written(footage.wander(1, 100), container="avi", codec="rawvideo", pixels="bgr24"))
        videos.examine(file, full=True, limits=LIMITS)
        assert file.threads == before

    def test_a_file_that_breaks_off_gives_what_it_has(self, film):
        whole = footage.written(film, container="matroska")
        found = examined(whole[: len(whole) // 2])
        assert 3 < found.frames[-1].at_seconds < 9

    def test_a_file_without_its_index_is_damaged(self, film_file):
        found = examined(film_file[: len(film_file) // 2])
        assert (found.code, found.examined) == ("decode.damaged", True)

    def test_packets_that_cannot_be_decoded_are_left_out_and_counted(self, film):
        content = bytearray(footage.written(film[:100], container="ivf", codec="libvpx-vp9", options={"cpu-used": "8"}))
        at = 32
        for number in range(100):
            size = int.from_bytes(content[at : at + 4], "little")
            if 60 <= number < 70:
                content[at + 12 : at + 12 + size] = bytes(size)
            at += 12 + size
        found = examined(bytes(content))
        assert found.shortened == "10 damaged packets were left out"
        assert found.frames[-1].until_seconds > 3

    def test_a_video_without_a_single_frame_is_a_problem(self, film_file):
        begin = film_file.index(b"mdat") + 4
        end = film_file.index(b"moov") - 4
        for full in (False, True):
            found = examined(film_file[:begin] + bytes(end - begin) + film_file[end:], full=full)
            assert (found.code, found.kind) == ("decode.no-frame", "video")

    def test_a_codec_without_a_decoder_was_not_examined(self, film):
        content = footage.written(film[:25], container="avi", codec="mpeg4")
        found = examined(content.replace(b"FMP4", b"QQQQ"))
        assert (found.code, found.examined) == ("decode.unsupported-codec", False)

    def test_a_second_stream_without_a_decoder_is_said(self):
        file = two_tracks(footage.wander(4, 125), footage.wander(5, 125))
        found = examined(file.replace(b"V_MPEG4/ISO/ASP", b"V_QQQQQ/QQQ/QQQ", 1))
        assert found.shortened == "a stream without a decoder was not examined"
        assert near(found, examined(footage.written(footage.wander(5, 125))))

    def test_a_frame_that_cannot_be_turned_into_luma_ends_the_stream_and_is_said(self, film_file, monkeypatch):
        luma = video_luma.luma

        def breaks(frame):
            if frame.time >= 4:
                raise av.error.InvalidDataError(1, "broken")
            return luma(frame)

        monkeypatch.setattr(video_luma, "luma", breaks)
        found = examined(film_file)
        assert found.shortened == "a stream could not be decoded to its end"
        assert len(found.frames) > 2

    @pytest.mark.parametrize("container", ["mp4", "matroska", "avi", "mpegts", "flv"])
    def test_any_damage_ends_in_an_answer(self, film, container):
        codec = "flv" if container == "flv" else "mpeg4"
        whole = footage.written(film[:50], container=container, codec=codec)
        chance = random.Random(20)
        for _ in range(25):
            content = bytearray(whole)
            for _ in range(chance.randint(1, 40)):
                content[chance.randrange(len(content))] = chance.randrange(256)
            found = examined(bytes(content[: chance.randint(1, len(content))]))
            assert isinstance(found, messages.Video | Other | Problem)


def test_preloading_is_enough_for_the_first_frame():
    videos.preload()
