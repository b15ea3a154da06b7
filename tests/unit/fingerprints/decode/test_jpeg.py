# SPDX-License-Identifier: Apache-2.0
"""JPEG: reduced luma that keeps the reference's bits, and files that end early."""

import csv
import dataclasses
import io
import re
import struct

import numpy as np
import pytest
from PIL import Image, ImageDraw

from unit.fingerprints.decode.photos import bits, photo, reference, turned_by_exif, written
from vigie.fingerprints.decode import jpeg, luma, pictures
from vigie.fingerprints.decode.jpeg import TruncatedPictureError, UnsupportedPictureError

pytestmark = pytest.mark.usefixtures("decoders")

FIDELITY_BITS = 10
BASELINE = written(photo(1, width=512, height=384), "JPEG", quality=90)
PROGRESSIVE = written(photo(1, width=512, height=384), "JPEG", quality=90, progressive=True)


def examine(file):
    return pictures.examine(file, limits=pictures.PictureLimits())


def vectors(shared):
    with (shared / "data/pdq/expected.csv").open(encoding="ascii") as file:
        for row in csv.DictReader(file):
            yield (shared / "data/pdq" / row["file"]), bytes.fromhex(row["pdq_hex"]), int(row["quality"])


def page(seed, *, width, height):
    """Make a page of text."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    for top in range(height // 12, height * 11 // 12, 22):
        letters = rng.integers(97, 123, width // 9)
        letters[rng.random(len(letters)) < 0.18] = 32
        pen.text(
            (width // 12, top), bytes(letters.astype(np.uint8)).decode()[: width // 11], fill="black", font_size=16
        )
    return image


class TestReferenceVectors:
    def test_the_same_pixels_give_the_same_bits(self, shared):
        for path, expected, _ in vectors(shared):
            with Image.open(path) as image:
                assert reference(image) == expected, path.name

    def test_the_fast_path_stays_near(self, shared):
        near = [bits(examine(path.read_bytes()).stored, expected)
                for path, expected, quality in vectors(shared) if quality >= 80]  # fmt: skip
        assert len(near) == 12
        assert max(near) <= FIDELITY_BITS
        assert np.mean(near) <= 3


class TestScale:
    @pytest.mark.parametrize(
        ("height", "width", "eighths"),
        [
            (1, 1, 8), (719, 5000, 8), (720, 720, 4), (2047, 3000, 4), (2048, 2048, 2), (3024, 4032, 2),
            (4095, 9000, 2), (4096, 4096, 1), (65000, 4096, 1),
        ],
    )  # fmt: skip
    def test_follows_the_short_side(self, height, width, eighths):
        assert jpeg.eighths_for(height, width) == jpeg.eighths_for(width, height) == eighths

    @pytest.mark.parametrize("size", [(719, 500), (960, 720), (1153, 865), (2048, 2060), (2731, 2049), (4099, 4097)])
    @pytest.mark.parametrize("subject", [photo, page])
    def test_keeps_the_references_bits_at_every_scale(self, subject, size):
        image = subject(size[0], width=min(size[0], 2100), height=min(size[1], 2100)).resize(size)
        file = written(image, "JPEG", quality=85)
        with Image.open(io.BytesIO(file)) as image:
            expected = reference(image)
        assert bits(examine(file).stored, expected) <= FIDELITY_BITS

    @pytest.mark.parametrize("size", [(1, 1), (3, 200), (8, 8), (64, 64), (65, 64), (721, 9000 // 9)])
    def test_any_size_is_read(self, size):
        found = examine(written(photo(2, width=720, height=720).resize(size), "JPEG"))
        assert (found.width_px, found.height_px) == size


class TestEndsEarly:
    @pytest.mark.parametrize("file", [BASELINE, PROGRESSIVE], ids=["baseline", "progressive"])
    def test_without_its_last_bytes_a_picture_is_still_traced(self, file):
        whole = examine(file)
        for missing in (1, 2, 3, 20):
            found = examine(file[:-missing])
            assert bits(found.stored, whole.stored) <= 8
            assert found.shortened == jpeg.ENDS_EARLY

    def test_a_baseline_picture_needs_nearly_all_rows(self):
        whole = examine(BASELINE)
        outcomes = []
        for share in np.linspace(0.02, 0.999, 60):
            found = examine(BASELINE[: int(len(BASELINE) * share)])
            outcomes.append(type(found).__name__)
            if outcomes[-1] == "Picture":
                assert found.shortened == jpeg.ENDS_EARLY
                assert bits(found.stored, whole.stored) <= 31
            else:
                assert found.code in {"decode.truncated", "decode.unrecognised", "decode.failed"}
        assert outcomes == sorted(outcomes, reverse=True), "once it is readable, more bytes keep it readable"
        assert 2 <= outcomes.count("Picture") <= 8

    def test_a_progressive_picture_needs_its_first_scans(self):
        whole = examine(PROGRESSIVE)
        scans = [found.start() for found in re.finditer(b"\xff\xda", PROGRESSIVE)]
        for share in np.linspace(0.02, 0.999, 60):
            end = int(len(PROGRESSIVE) * share)
            found = examine(PROGRESSIVE[:end])
            if end > scans[3] + 2:
                assert found.shortened == jpeg.ENDS_EARLY
                assert bits(found.stored, whole.stored) <= FIDELITY_BITS
            else:
                assert found.code in {"decode.truncated", "decode.unrecognised", "decode.failed"}

    def test_a_grey_bottom_of_a_whole_picture_is_no_damage(self):
        image = photo(4)
        image.paste((128, 128, 128), (0, 100, 320, 240))
        assert examine(written(image, "JPEG", quality=95)).shortened is None

    def test_a_damaged_middle_is_said(self):
        damaged = bytearray(BASELINE)
        at = len(damaged) // 2
        damaged[at : at + 30] = bytes(range(1, 31))
        found = examine(bytes(damaged))
        assert found.shortened in {jpeg.DAMAGED, jpeg.ENDS_EARLY} or found.code == "decode.truncated"

    def test_an_early_end_is_raised_by_its_name(self):
        file = BASELINE[: len(BASELINE) // 2]
        with pytest.raises(TruncatedPictureError):
            jpeg.read_plane(file, header=jpeg.read_header(file))


class TestHeader:
    def test_tells_size_components_scans_and_orientation(self):
        file = written(photo(1, width=100, height=60), "JPEG", progressive=True, exif=turned_by_exif(8))
        header = jpeg.read_header(file)
        assert (header.width_px, header.height_px, header.components) == (100, 60, 3)
        assert (header.is_progressive, header.scans, header.orientation) == (True, file.count(b"\xff\xda"), 8)
        assert header.samples == 100 * 60 * 3 // 2

    def test_looks_past_padding_and_stray_bytes(self):
        at = BASELINE.index(b"\xff\xdb")
        padded = BASELINE[:at] + b"\xff\xff\xff" + BASELINE[at:]
        stray = BASELINE[:at] + b"\x00\x00\x00" + BASELINE[at:]
        for file in (padded, stray):
            assert jpeg.read_header(file) == jpeg.read_header(BASELINE)
            assert bits(examine(file).stored, examine(BASELINE).stored) <= 4

    @pytest.mark.parametrize("end", [2, 4, 10, 30, 200])
    def test_is_none_where_the_markers_end(self, end):
        assert jpeg.read_header(BASELINE[:end]) is None

    def test_is_none_where_the_markers_make_no_sense(self):
        frame = BASELINE.index(b"\xff\xc0")
        for file in (
            b"\xff\xd8\xff\xd0\xff\xd9",
            b"\xff\xd8\xff\xe0\x00\x01",
            BASELINE[:4] + b"\x00\x01" + BASELINE[6:],
            BASELINE[: frame + 9] + b"\x09" + BASELINE[frame + 10 :],
            BASELINE[:frame] + BASELINE[frame + 19 :],
        ):
            assert jpeg.read_header(file) is None

    def test_a_decoder_that_reads_another_size_is_not_followed(self):
        header = dataclasses.replace(jpeg.read_header(BASELINE), width_px=511)
        assert jpeg.read_plane(BASELINE, header=header) is None

    @pytest.mark.parametrize("exif", [b"", b"XX", b"II*\x00", b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12"])
    def test_damaged_exif_turns_nothing(self, exif):
        assert jpeg.orientation_of(b"Exif\x00\x00" + exif) == 1

    @pytest.mark.parametrize("marker", sorted(jpeg._OTHER_FRAMES))
    def test_refuses_lossless_and_hierarchical_pictures(self, marker):
        at = BASELINE.index(b"\xff\xc0")
        file = BASELINE[: at + 1] + bytes([marker]) + BASELINE[at + 2 :]
        with pytest.raises(UnsupportedPictureError):
            jpeg.read_header(file)
        assert (examine(file).code, examine(file).examined) == ("decode.unsupported", False)

    def test_refuses_samples_of_twelve_bits(self):
        at = BASELINE.index(b"\xff\xc0")
        file = BASELINE[: at + 4] + b"\x0c" + BASELINE[at + 5 :]
        assert examine(file).code == "decode.unsupported"

    def test_odd_sampling_goes_the_general_way(self):
        at = BASELINE.index(b"\xff\xc0")
        assert BASELINE[at + 9] == 3
        sampling = bytearray(BASELINE)
        sampling[at + 11] = 0x41
        assert examine(bytes(sampling)) is not None

    def test_a_size_of_nothing_is_a_problem(self):
        at = BASELINE.index(b"\xff\xc0")
        file = BASELINE[: at + 5] + struct.pack(">HH", 0, 0) + BASELINE[at + 9 :]
        assert examine(file).code in {"decode.unrecognised", "decode.failed"}


class TestLuma:
    def test_a_turn_and_its_undoing_leave_the_plane(self):
        plane = luma.Plane(np.arange(35, dtype=np.uint8).reshape(5, 7), 5, 7)
        for orientation in range(1, 9):
            turned = luma.upright(plane, orientation=orientation)
            again = luma.as_stored(turned, orientation=orientation)
            assert np.array_equal(again.luma, plane.luma)
            assert (again.height_px, again.width_px) == (5, 7)
            assert (turned.height_px, turned.width_px) == turned.luma.shape
