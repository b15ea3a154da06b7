# SPDX-License-Identifier: Apache-2.0
"""Uniform margins: found where they are, and only there."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unit.fingerprints.decode.photos import photo
from vigie.fingerprints import borders
from vigie.fingerprints.borders import Box

TEXTURES = [np.asarray(photo(seed, width=300, height=220).convert("L")) for seed in range(5)]
MARGIN = st.integers(0, 90)


def framed(texture, margins, levels):
    """Put margins round a plane: top, bottom, left, right, each of its own level."""
    top, bottom, left, right = margins
    height, width = texture.shape
    plane = np.zeros((height + top + bottom, width + left + right), np.uint8)
    plane[:, :left], plane[:, left + width :] = levels[2], levels[3]
    plane[:top], plane[top + height :] = levels[0], levels[1]
    plane[top : top + height, left : left + width] = texture
    return plane, Box(top, top + height, left, left + width)


def compressed(plane, *, quality):
    file = io.BytesIO()
    Image.fromarray(plane).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def furthest(found, expected):
    return max(abs(getattr(found, side) - getattr(expected, side)) for side in ("top", "bottom", "left", "right"))


class TestFind:
    @pytest.mark.parametrize("texture", TEXTURES)
    def test_leaves_a_picture_without_margins_alone(self, texture):
        assert borders.find(texture) is None
        assert borders.find(texture.astype(np.float32)) is None

    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from(TEXTURES), st.tuples(MARGIN, MARGIN, MARGIN, MARGIN), st.integers(0, 255))
    def test_finds_margins_of_any_one_colour(self, texture, margins, level):
        plane, expected = framed(texture, margins, [level] * 4)
        found = borders.find(plane)
        if max(margins) < 6:
            assert found is None or furthest(found, expected) <= 2
        else:
            assert found is not None
            assert furthest(found, expected) <= 2

    @settings(max_examples=40, deadline=None)
    @given(
        st.sampled_from(TEXTURES),
        st.tuples(*[st.integers(8, 60)] * 4),
        st.tuples(*[st.sampled_from([0, 40, 128, 200, 255])] * 4),
        st.sampled_from([60, 75, 85, 95]),
    )
    def test_finds_margins_of_several_colours_after_recompression(self, texture, margins, levels, quality):
        plane, expected = framed(texture, margins, levels)
        found = borders.find(compressed(plane, quality=quality))
        assert found is not None
        assert furthest(found, expected) <= 3

    @pytest.mark.parametrize("shrink", [2, 4, 8])
    def test_finds_them_on_a_reduced_plane(self, shrink):
        large = np.asarray(photo(3, width=1600, height=1200).convert("L"))
        plane, expected = framed(large, (160, 240, 80, 0), [0, 0, 255, 0])
        height, width = (side // shrink for side in plane.shape)
        reduced = plane.reshape(height, shrink, width, shrink).mean(axis=(1, 3)).astype(np.uint8)
        found = borders.find(reduced)
        scaled = Box(*(getattr(expected, side) // shrink for side in ("top", "bottom", "left", "right")))
        assert furthest(found, scaled) <= 1

    def test_finds_margins_within_margins(self):
        film, _ = framed(TEXTURES[0], (40, 40, 0, 0), [0] * 4)
        page, _ = framed(film, (50, 60, 30, 30), [255] * 4)
        assert furthest(borders.find(page), Box(90, 310, 30, 330)) <= 1

    def test_a_few_specks_do_not_break_a_margin(self):
        plane, expected = framed(TEXTURES[1], (40, 40, 50, 50), [255] * 4)
        plane[3, 7] = plane[20, 100] = plane[100, 20] = 0
        assert furthest(borders.find(plane), expected) <= 1

    @pytest.mark.parametrize("level", [0, 128, 255])
    def test_a_plane_of_one_colour_has_no_margin(self, level):
        assert borders.find(np.full((200, 300), level, np.uint8)) is None

    def test_a_margin_that_leaves_too_little_is_none(self):
        plane = np.zeros((400, 400), np.uint8)
        plane[190:220, 190:220] = TEXTURES[0][:30, :30]
        assert borders.find(plane) is None

    def test_a_hair_is_not_worth_a_value(self):
        plane, _ = framed(TEXTURES[2], (1, 1, 1, 1), [0] * 4)
        assert borders.find(plane) is None

    def test_skies_are_not_cut(self):
        ramp = np.linspace(20, 200, 140)[:, None] + np.zeros(300)
        dark = np.clip(np.random.default_rng(1).normal(12, 5, (140, 300)), 0, 255)
        for sky in (ramp, dark):
            assert borders.find(np.concatenate([sky.astype(np.uint8), TEXTURES[3]])) is None

    def test_trees_before_a_plain_sky_are_not_cut(self):
        plane = np.concatenate([np.full((140, 300), 220, np.uint8), TEXTURES[4]])
        for column in range(0, 300, 30):
            plane[140 - column // 3 : 140, column : column + 12] = 30
        assert borders.find(plane) is None

    @settings(max_examples=80, deadline=None)
    @given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32 - 1))
    def test_any_plane_gets_a_box_within_it_or_none(self, height, width, seed):
        rng = np.random.default_rng(seed)
        plane = rng.integers(0, rng.integers(1, 40) + 1, (height, width)).astype(np.uint8)
        found = borders.find(plane)
        if found is not None:
            assert 0 <= found.top < found.bottom <= height
            assert 0 <= found.left < found.right <= width
            assert found.cut(plane).shape == (found.bottom - found.top, found.right - found.left)
