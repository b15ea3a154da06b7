# SPDX-License-Identifier: Apache-2.0
import csv
import hashlib
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.fingerprints import gates
from vigie.fingerprints.gates import GATES, UNKNOWN_QUALITY, Gate
from vigie.fingerprints.picture import pdq_turns
from vigie.fingerprints.values import Algorithm, Digests

ROOT = Path(__file__).parents[3]


def digests_of(content: bytes) -> Digests:
    return Digests(*(hashlib.new(name, content).digest() for name in ("md5", "sha1", "sha256")))


def gate_of_values(values, *, quality=100, min_quality=50) -> list[Gate | None]:
    rows = np.asarray(values, np.uint8).reshape(-1, 32)
    codes = gates.value_gates(rows, qualities=np.full(len(rows), quality, np.uint8), min_quality=min_quality)
    return [gates.gate_of(int(code)) for code in codes]


def balanced(seed: int) -> np.ndarray:
    bits = np.zeros(256, np.uint8)
    bits[np.random.default_rng(seed).permutation(256)[:128]] = 1
    return np.packbits(bits)


class TestContentGate:
    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", Gate.EMPTY),
            (b"\n", Gate.TRIVIAL),
            (b"x" * 63, Gate.TRIVIAL),
            (bytes(4096), Gate.TRIVIAL),
            (b"\xff" * 65536, Gate.TRIVIAL),
            (bytes(10240), Gate.TRIVIAL),
            (b"x" * 64, None),
            (bytes(4097), None),
        ],
    )
    def test_names_what_is_wrong_with_the_content(self, content, expected):
        assert gates.content_gate(digests_of(content), size_bytes=len(content)) is expected

    def test_an_empty_digest_is_enough_whatever_the_size_said(self):
        assert gates.content_gate(Digests.EMPTY, size_bytes=100) is Gate.EMPTY


class TestIsTrivial:
    @pytest.mark.parametrize("algorithm", [Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256])
    def test_marks_the_digests_of_trivial_content_and_no_other(self, algorithm):
        contents = [b"", bytes(512), b"a picture", b"\n"]
        rows = np.array([list(hashlib.new(algorithm, content).digest()) for content in contents], np.uint8)
        assert gates.is_trivial(rows, algorithm=algorithm).tolist() == [True, True, False, True]

    def test_compares_whole_digests_not_their_beginnings(self):
        row = bytearray(Digests.EMPTY.sha256)
        row[-1] ^= 1
        assert not gates.is_trivial(np.frombuffer(bytes(row), np.uint8)[None], algorithm=Algorithm.SHA256)[0]

    def test_takes_no_digests_at_all(self):
        assert len(gates.is_trivial(np.zeros((0, 16), np.uint8), algorithm=Algorithm.MD5)) == 0


class TestPictureGate:
    @pytest.mark.parametrize(
        ("width_px", "height_px", "expected"),
        [(64, 64, None), (63, 4000, Gate.TINY), (4000, 63, Gate.TINY), (0, 0, Gate.TINY), (640, 480, None)],
    )
    def test_refuses_pictures_with_less_than_a_pixel_a_sample(self, width_px, height_px, expected):
        assert gates.picture_gate(width_px=width_px, height_px=height_px) is expected


class TestValueGates:
    @pytest.mark.parametrize(
        ("quality", "min_quality", "expected"),
        [(49, 50, Gate.LOW_QUALITY), (50, 50, None), (49, 40, None), (UNKNOWN_QUALITY, 100, None), (0, 0, None)],
    )
    def test_low_quality_is_measured_against_the_lists_minimum(self, quality, min_quality, expected):
        assert gate_of_values(balanced(1), quality=quality, min_quality=min_quality) == [expected]

    @pytest.mark.parametrize("count", [0, 60, 119, 137, 256])
    def test_ones_and_zeros_must_be_in_balance(self, count):
        value = np.packbits([1] * count + [0] * (256 - count))
        assert gate_of_values(value) == [Gate.UNBALANCED]

    def test_every_value_of_the_built_in_list_is_gated_also_without_a_quality(self):
        assert None not in gate_of_values(gates.built_in().values, quality=UNKNOWN_QUALITY)

    @given(st.integers(0, 10**6), st.integers(0, 60), st.integers(0, 2**32))
    def test_what_lies_within_the_radius_of_a_negative_is_gated_and_nothing_else(self, place, flips, seed):
        negatives = gates.built_in().values
        bits = np.unpackbits(negatives[place % len(negatives)])
        bits[np.random.default_rng(seed).permutation(256)[:flips]] ^= 1
        value = np.packbits(bits)
        nearest = int(np.bitwise_count(negatives ^ value).sum(axis=1).min())
        assert gates.near_negatives(value[None])[0] == (nearest <= gates.NEGATIVE_RADIUS_BITS)

    @given(st.integers(0, 10**6), st.integers(0, 160), st.integers(0, 100), st.integers(0, 2**32))
    def test_says_of_one_value_what_it_says_of_many(self, place, flips, quality, seed):
        negatives = gates.built_in().values
        bits = np.unpackbits(negatives[place % len(negatives)])
        bits[np.random.default_rng(seed).permutation(256)[:flips]] ^= 1
        value = np.packbits(bits)
        assert [gates.value_gate(value.tobytes(), quality=quality)] == gate_of_values(value, quality=quality)

    @pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
    def test_answers_one_a_row_for_every_number_of_rows(self, count):
        values = np.array([balanced(seed) for seed in range(count)], np.uint8).reshape(-1, 32)
        assert gates.near_negatives(values).tolist() == [False] * count

    @pytest.mark.parametrize("name", ["blank", "gradient", "noise on grey"])
    def test_blank_flat_and_nearly_blank_planes_are_gated(self, name):
        x = np.mgrid[0:300, 0:400][1]
        noise = np.random.default_rng(5).normal(0, 2, x.shape)
        plane = {"blank": x * 0 + 200, "gradient": x / 400 * 255, "noise on grey": 128 + noise}[name]
        turns, quality = pdq_turns(np.clip(plane, 0, 255).astype(np.uint8))
        assert None not in gate_of_values(turns, quality=quality)

    def test_real_photographs_of_good_quality_pass(self, shared):
        rows = list(csv.DictReader((shared / "data/pdq/expected.csv").read_text(encoding="ascii").splitlines()))
        good = [list(bytes.fromhex(row["pdq_hex"])) for row in rows if int(row["quality"]) >= 50]
        assert len(good) == 12
        assert gate_of_values(good) == [None] * len(good)


class TestGate:
    def test_every_gate_has_a_sentence(self):
        assert all(gate.sentence for gate in GATES)


class TestNegativeFile:
    def test_the_file_is_what_the_script_makes(self):
        tool = runpy.run_path(str(ROOT / "tools/make_negative_values.py"))
        assert tool["make"]() == tool["TARGET"].read_text(encoding="ascii")

    def test_values_stand_once(self):
        file = json.loads((ROOT / "src/vigie/fingerprints/negative.json").read_text(encoding="ascii"))
        values = [value for values in file["patterns"].values() for value in values]
        assert len(values) == len(set(values)) == len(gates.built_in().values)
