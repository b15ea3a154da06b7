# SPDX-License-Identifier: Apache-2.0
import io

import av
import numpy as np
import pytest

from unit.fingerprints.decode import footage
from vigie.fingerprints.decode import video_luma

LIMITED, FULL = 1, 2
VIEW = footage.texture(3, height=96, width=130)  # 130: rows of a frame are padded to more than its width
WIDE = np.clip(np.rint((VIEW.astype(float) - 16) * 255 / 219), 0, 255).astype(np.uint8)


def frame_in(pixels, *, colour_range=None):
    frame = footage.coloured(VIEW)
    frame.color_range = LIMITED
    turned = frame.reformat(format=pixels, dst_color_range=FULL if colour_range == FULL else None, threads=1)
    if colour_range is not None:
        turned.color_range = colour_range
    return turned


class TestLuma:
    @pytest.mark.parametrize(
        "pixels",
        [
            "yuv420p",
            "yuv422p",
            "yuv444p",
            "yuv410p",
            "yuv411p",
            "yuv440p",
            "yuva420p",
            "nv12",
            "nv16",
            "nv21",
            "nv24",
            "yuv420p9le",
            "yuv420p10le",
            "yuv422p10le",
            "yuv444p12le",
            "yuv420p14le",
            "yuv420p16le",
        ],
    )
    def test_is_the_plane_of_a_yuv_frame_widened_to_full_range(self, pixels):
        levels = video_luma.luma(frame_in(pixels))
        assert levels.dtype == np.uint8
        np.testing.assert_array_equal(levels, WIDE)

    @pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuvj422p", "yuvj444p", "gray", "gray10le", "gray16le"])
    def test_keeps_the_levels_of_a_full_range_frame(self, pixels):
        levels = video_luma.luma(frame_in(pixels, colour_range=FULL))
        assert np.abs(levels.astype(int) - WIDE).max() <= 1

    @pytest.mark.parametrize("pixels", ["yuyv422", "uyvy422", "p010le", "ya8"])
    def test_turns_other_formats_into_grey_of_full_range(self, pixels):
        levels = video_luma.luma(frame_in(pixels))
        assert levels.shape == VIEW.shape
        assert np.abs(levels.astype(int) - WIDE).max() <= 1

    @pytest.mark.parametrize("pixels", ["rgb24", "bgr24", "rgba", "bgr0", "gbrp", "gbrp10le", "gbrap"])
    def test_turns_red_green_and_blue_into_grey(self, pixels):
        frame = av.VideoFrame.from_ndarray(np.repeat(WIDE[:, :, None], 3, axis=2), format="rgb24")
        levels = video_luma.luma(frame.reformat(format=pixels, threads=1))
        assert np.abs(levels.astype(int) - WIDE).max() <= 1

    @pytest.mark.parametrize(("red", "green", "blue", "grey"), [(255, 0, 0, 76), (0, 255, 0, 150), (0, 0, 255, 29)])
    def test_weighs_colours_as_pictures_are_weighed(self, red, green, blue, grey):
        frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), (red, green, blue), np.uint8), format="rgb24")
        assert np.abs(video_luma.luma(frame).astype(int) - grey).max() <= 1

    @pytest.mark.parametrize(("colour_range", "levels"), [(LIMITED, (0, 128, 255)), (FULL, (16, 126, 235))])
    def test_maps_the_levels_of_each_range(self, colour_range, levels):
        plane = np.repeat(np.array([[16, 126, 235]], np.uint8), 16, axis=0).repeat(16, axis=1)
        frame = footage.coloured(plane)
        frame.color_range = colour_range
        assert tuple(video_luma.luma(frame)[0, ::16]) == levels

    def test_reads_a_plane_that_is_stored_bottom_up_the_right_way_round(self):
        flipped = footage.written([VIEW[:, :128]], container="avi", codec="rawvideo", pixels="bgr24")
        with av.open(io.BytesIO(flipped)) as container:
            frame = next(container.decode(video=0))
        levels = video_luma.luma(frame)
        assert np.abs(levels.astype(int) - WIDE[:, :128]).max() <= 1


class TestThumbnail:
    @pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le", "rgb24", "gray"])
    def test_is_small_and_of_eight_bits(self, pixels):
        small = video_luma.thumbnail(frame_in(pixels))
        assert small.size < 96 * 130 / 4
        assert small.min() >= 0
        assert small.max() <= 255

    def test_works_on_the_smallest_frame(self):
        assert video_luma.thumbnail(av.VideoFrame(2, 2, "yuv420p")).shape == (2, 2)
