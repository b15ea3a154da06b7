# SPDX-License-Identifier: Apache-2.0
"""PDQ: the reference's own bits, on every size, in the kernel and in the plain path."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vectors.make_pdq_vectors import plane
from vigie.fingerprints import picture
from vigie.fingerprints.picture import NotALumaPlaneError
from vigie.fingerprints.values import TURNS, distance_bits

VECTORS = Path(__file__).parents[2] / "vectors" / "pdq_planes.csv"


def vectors():
    with VECTORS.open(encoding="ascii") as file:
        return [
            pytest.param(row, id=f"{row['kind']}-{row['height_px']}x{row['width_px']}") for row in csv.DictReader(file)
        ]


class TestPdq:
    @pytest.mark.parametrize("row", vectors())
    def test_gives_the_reference_value_and_quality(self, row):
        luma = plane(row["kind"], int(row["height_px"]), int(row["width_px"]), int(row["seed"]))
        expected = (row["pdq"], int(row["quality"]))
        for value, quality in (picture.pdq(luma), picture.pdq(luma.astype(np.float32))):
            assert (value.hex(), quality) == expected
        turns, quality = picture.pdq_turns_plain(luma)
        assert (turns[0].tobytes().hex(), quality) == expected

    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32 - 1), st.booleans())
    def test_the_kernel_gives_the_bits_of_the_plain_path(self, height, width, seed, whole_numbers):
        luma = np.random.default_rng(seed).random((height, width), np.float32) * 255
        luma = luma.astype(np.uint8) if whole_numbers else luma
        turns, quality = picture.pdq_turns(luma)
        plain_turns, plain_quality = picture.pdq_turns_plain(luma)
        assert np.array_equal(turns[0], plain_turns[0])
        assert quality == plain_quality
        if min(height, width) >= 100:  # smaller noise has no median to speak of: rounding decides its last bits
            distances = [
                distance_bits(*(row.tobytes() for row in pair)) for pair in zip(turns, plain_turns, strict=True)
            ]
            assert max(distances) <= 2

    def test_a_crop_of_a_larger_plane_needs_no_copy(self):
        whole = plane("blocks", 400, 500, 1)
        crop = whole[50:350, 60:460]
        assert picture.pdq(crop) == picture.pdq(crop.copy())
        assert picture.pdq(whole[::2, ::3]) == picture.pdq(whole[::2, ::3].copy())
        assert picture.pdq(whole[::-1]) == picture.pdq(whole[::-1].copy())

    @pytest.mark.parametrize("size", [(1, 1), (4, 100), (100, 4), (0, 5)])
    def test_what_is_too_small_has_no_value_and_no_quality(self, size):
        assert picture.pdq(np.zeros(size, np.uint8)) == (bytes(32), 0)

    @pytest.mark.parametrize(
        "wrong", [np.zeros((3, 3, 3), np.uint8), np.zeros((9, 9), np.float64), np.zeros((9, 9), np.int8)]
    )
    def test_refuses_what_is_no_luma_plane(self, wrong):
        with pytest.raises(NotALumaPlaneError):
            picture.pdq(wrong)


class TestTurns:
    @pytest.mark.parametrize("number", range(8))
    @pytest.mark.parametrize("size", [(640, 480), (256, 256), (257, 391), (1004, 1600)])
    def test_the_row_of_a_turn_is_the_value_of_the_picture_before_it(self, size, number):
        known = plane("shapes", *size, 11)
        value, _ = picture.pdq(known)
        copy = known[:, ::-1] if number >= 4 else known
        copy = np.ascontiguousarray(np.rot90(copy, -(number % 4)))
        distances = [distance_bits(value, row.tobytes()) for row in picture.pdq_turns(copy)[0]]
        assert distances[number] <= 2, TURNS[number]
        assert all(distance > 60 for other, distance in enumerate(distances) if other != number)


class TestReduced:
    """A plane reduced by averaging stands in for the full one."""

    @pytest.mark.parametrize("eighths", [1, 2, 4, 8])
    @pytest.mark.parametrize("size", [(1000, 1504), (777, 1033), (1280, 960)])
    def test_is_near_the_value_of_the_full_plane(self, eighths, size):
        height, width = size
        full = plane("shapes", height, width, 3)
        reduced = averaged(full, 8 // eighths)
        turns, quality = picture.pdq_turns_reduced(reduced, full_height_px=height, full_width_px=width, eighths=eighths)
        value, full_quality = picture.pdq(full)
        assert distance_bits(value, turns[0].tobytes()) <= (0 if eighths == 8 else 8)
        assert abs(quality - full_quality) <= 3

    @settings(max_examples=40, deadline=None)
    @given(st.integers(100, 600), st.integers(100, 600), st.integers(1, 8), st.integers(0, 2**32 - 1))
    def test_the_kernel_is_near_the_plain_path(self, height, width, eighths, seed):
        shape = (-(-height * eighths // 8), -(-width * eighths // 8))
        reduced = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        turns, quality = picture.pdq_turns_reduced(reduced, full_height_px=height, full_width_px=width, eighths=eighths)
        plain, plain_quality = picture.pdq_turns_reduced_plain(
            reduced, full_height_px=height, full_width_px=width, eighths=eighths
        )
        assert max(distance_bits(a.tobytes(), b.tobytes()) for a, b in zip(turns, plain, strict=True)) <= 2
        assert abs(quality - plain_quality) <= 1

    def test_refuses_a_plane_of_another_size(self):
        with pytest.raises(NotALumaPlaneError):
            picture.pdq_turns_reduced(np.zeros((10, 10), np.uint8), full_height_px=100, full_width_px=100, eighths=4)


def averaged(plane_, factor):
    height, width = plane_.shape
    padded = np.pad(plane_, ((0, -height % factor), (0, -width % factor)), mode="edge").astype(np.float64)
    shape = (padded.shape[0] // factor, factor, padded.shape[1] // factor, factor)
    return np.round(padded.reshape(shape).mean((1, 3))).astype(np.uint8)


class TestReferencePictures:
    def test_the_reference_pictures_have_their_values_bit_for_bit(self, shared):
        with (shared / "data/pdq/expected.csv").open(encoding="ascii") as file:
            for row in csv.DictReader(file):
                with Image.open(shared / "data/pdq" / row["file"]) as opened:
                    rgb = np.asarray(opened.convert("RGB"))
                value, quality = picture.pdq(picture.luma_from_rgb(rgb))
                assert (value.hex(), quality) == (row["pdq_hex"], int(row["quality"])), row["file"]
