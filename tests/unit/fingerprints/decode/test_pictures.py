# SPDX-License-Identifier: Apache-2.0
"""Pictures of every format and mode: one recipe, one value."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from unit.fingerprints.decode.photos import animated, bits, photo, reference, turned_by_exif, written
from vigie.fingerprints.decode import pictures
from vigie.fingerprints.messages import Picture, Problem

pytestmark = pytest.mark.usefixtures("decoders")

LIMITS = pictures.PictureLimits()
PHOTO = photo(7, width=407, height=301)
GREY = PHOTO.convert("L")
LEVELS = np.asarray(GREY)
WIDE = Image.fromarray(LEVELS.astype(np.uint16) * 257)
PALETTE = PHOTO.quantize(200)
UNDO = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
VIEWS = [photo(seed, width=160, height=120) for seed in range(4)]


def veiled():
    image = PHOTO.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(PHOTO.size))
    return image


def lightness():
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    return ImageCms.applyTransform(PHOTO, to_lab)


def examine(file, **limits):
    return pictures.examine(file, limits=pictures.PictureLimits(**limits))


LOSSLESS = [
    ("PNG", PHOTO, {}),
    ("PNG", GREY, {}),
    ("PNG", GREY.convert("1"), {}),
    ("PNG", PALETTE, {}),
    ("PNG", PHOTO.quantize(4), {"bits": 2}),
    ("PNG", PHOTO.quantize(16), {"bits": 4}),
    ("PNG", PHOTO.convert("RGBA"), {}),
    ("PNG", GREY.convert("LA"), {}),
    ("TIFF", PHOTO, {}),
    ("TIFF", PHOTO, {"compression": "tiff_lzw"}),
    ("TIFF", PHOTO, {"compression": "tiff_adobe_deflate"}),
    ("TIFF", GREY.convert("1"), {"compression": "group4"}),
    ("TIFF", PHOTO.convert("CMYK"), {}),
    ("TIFF", PALETTE, {}),
    ("TIFF", GREY.convert("LA"), {}),
    ("TIFF", PHOTO.convert("RGBA"), {}),
    ("GIF", PALETTE, {}),
    ("GIF", GREY, {}),
    ("BMP", PHOTO, {}),
    ("BMP", GREY.convert("1"), {}),
    ("BMP", PALETTE, {}),
    ("WEBP", PHOTO, {"lossless": True}),
    ("WEBP", PHOTO.convert("RGBA"), {"lossless": True}),
]
NEAR = [  # format, image, options, most bits from the photo
    ("PNG", WIDE, {}, 2),
    ("TIFF", WIDE, {}, 2),
    ("TIFF", PHOTO.convert("YCbCr"), {}, 4),
    ("TIFF", PHOTO, {"compression": "jpeg"}, 6),
    ("TIFF", lightness(), {}, 12),
    ("TIFF", Image.fromarray(LEVELS.astype(np.int32) * 1000 - 7), {}, 2),
    ("TIFF", Image.fromarray(LEVELS.astype(np.float32) / 90 - 1), {}, 2),
    ("PNG", GREY.convert("1"), {}, 16),
    ("PNG", PALETTE, {}, 6),
    ("JPEG", PHOTO, {"quality": 90}, 4),
    ("JPEG", PHOTO, {"quality": 90, "subsampling": 0}, 4),
    ("JPEG", PHOTO, {"quality": 90, "progressive": True}, 4),
    ("JPEG", PHOTO, {"quality": 90, "keep_rgb": True, "subsampling": 0}, 4),
    ("JPEG", GREY, {"quality": 90}, 4),
    ("JPEG", PHOTO.convert("CMYK"), {"quality": 90}, 4),
    ("WEBP", PHOTO, {"quality": 80}, 6),
    ("HEIF", PHOTO, {"quality": 80}, 6),
    ("HEIF", WIDE, {"quality": 80}, 6),
    ("HEIF", GREY, {"quality": 80}, 6),
    ("AVIF", PHOTO, {"quality": 80}, 6),
    ("AVIF", GREY, {"quality": 80}, 6),
]


def case_id(case):
    return "-".join([case[0], case[1].mode, *map(str, case[2].values())])


class TestStored:
    @pytest.mark.parametrize("case", LOSSLESS, ids=case_id)
    def test_is_the_references_value_of_the_converted_pixels(self, case):
        name, image, options = case
        found = examine(written(image, name, **options))
        assert found.stored.pdq == reference(image)
        assert (found.format, found.width_px, found.height_px) == (name.lower(), *PHOTO.size)
        assert (found.upright, found.on_black, found.frames, found.shortened) == (None, None, [], None)

    @pytest.mark.parametrize("case", NEAR, ids=case_id)
    def test_stays_near_whatever_the_mode_and_the_compression(self, case):
        name, image, options, most_bits = case
        found = examine(written(image, name, **options))
        assert bits(found.stored, reference(PHOTO)) <= most_bits
        assert found.stored.quality == 100

    def test_the_adobe_inversion_of_cmyk_is_undone(self):
        found = examine(written(photo(11).convert("CMYK"), "JPEG", quality=95))
        assert bits(found.stored, reference(photo(11))) <= 4

    def test_a_large_picture_is_reduced_on_the_way_and_stays_near(self, monkeypatch):
        monkeypatch.setattr(pictures.pixels, "LARGE_PX", 100_000)
        for size in ((1001, 801), (1000, 800)):
            image = photo(5, width=size[0], height=size[1])
            assert bits(examine(written(image, "PNG")).stored, reference(image)) <= 10


class TestUpright:
    """EXIF's orientation: what is stored and what is shown are two pictures."""

    def stored(self, orientation):
        undo = UNDO[orientation]
        return PHOTO if undo is None else PHOTO.transpose(undo)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF"])
    def test_lossless_formats_give_both_values_exactly(self, name, orientation):
        options = {"lossless": True} if name == "WEBP" else {}
        stored = self.stored(orientation)
        found = examine(written(stored, name, exif=turned_by_exif(orientation), **options))
        assert found.stored.pdq == reference(stored)
        assert (found.width_px, found.height_px) == stored.size
        assert (found.upright and found.upright.pdq) == (None if orientation == 1 else reference(PHOTO))

    @pytest.mark.parametrize("orientation", range(2, 9))
    @pytest.mark.parametrize("name", ["JPEG", "AVIF"])
    def test_lossy_formats_give_both_values_nearly(self, name, orientation):
        stored = self.stored(orientation)
        found = examine(written(stored, name, quality=90, exif=turned_by_exif(orientation)))
        assert bits(found.stored, reference(stored)) <= 8
        assert bits(found.upright, reference(PHOTO)) <= 8
        assert (found.width_px, found.height_px) == stored.size

    @pytest.mark.parametrize("orientation", range(2, 9))
    def test_a_reduced_jpeg_of_odd_size_is_turned_without_a_shift(self, orientation):
        image = photo(3, width=1089, height=817)
        upright = image.transpose(UNDO[orientation])
        redo = {6: 8, 8: 6}.get(orientation, orientation)
        found = examine(written(image, "JPEG", quality=90, exif=turned_by_exif(redo)))
        assert bits(found.upright, reference(upright)) <= 10

    @pytest.mark.parametrize("orientation", range(2, 9))
    def test_heif_is_stored_as_it_is_shown(self, orientation):
        found = examine(written(self.stored(orientation), "HEIF", quality=90, exif=turned_by_exif(orientation)))
        assert bits(found.stored, reference(PHOTO)) <= 8
        assert found.upright is None

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_unknown_orientations_turn_nothing(self, orientation):
        for name in ("JPEG", "PNG", "TIFF"):
            assert examine(written(PHOTO, name, exif=turned_by_exif(orientation))).upright is None

    def test_damaged_exif_does_not_hide_the_picture(self):
        broken = b"Exif\x00\x00II*\x00\xff\xff\xff\xff" + bytes(range(200))
        for name in ("JPEG", "PNG", "WEBP"):
            found = examine(written(PHOTO, name, exif=broken))
            assert (type(found), found.upright) == (Picture, None)


class TestTransparency:
    @pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
    def test_shows_white_and_where_it_is_real_also_black(self, name):
        options = {"lossless": True} if name == "WEBP" else {"quality": 95}
        found = examine(written(veiled(), name, **options))
        for value, background in ((found.stored, "white"), (found.on_black, "black")):
            over = Image.alpha_composite(Image.new("RGBA", PHOTO.size, background), veiled())
            assert bits(value, reference(over)) <= (6 if name in ("HEIF", "AVIF") else 0)

    def test_a_channel_that_hides_nothing_is_no_transparency(self):
        assert examine(written(PHOTO.convert("RGBA"), "PNG")).on_black is None

    @pytest.mark.parametrize(
        ("image", "key"),
        [(PALETTE, 3), (PHOTO, PHOTO.getpixel((9, 9))), (GREY, 100), (GREY.convert("1"), 0), (WIDE, 100 * 257)],
        ids=["palette", "colour", "grey", "two-colours", "wide-grey"],
    )
    def test_a_transparent_colour_shows_the_background(self, image, key):
        file = written(image, "PNG", transparency=key)
        found = examine(file)
        again = Image.open(io.BytesIO(file))
        if image is WIDE:
            again = GREY.copy()
            again.info["transparency"] = 100
        over = Image.alpha_composite(Image.new("RGBA", PHOTO.size, "white"), again.convert("RGBA"))
        assert bits(found.stored, reference(over)) <= 2
        assert found.on_black is not None
        assert bits(found.on_black, found.stored) > 0


class TestFrames:
    @pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "AVIF"])
    def test_have_their_times_and_begin_with_what_is_stored(self, name):
        found = examine(animated(VIEWS, name))
        assert [(frame.at_seconds, frame.until_seconds) for frame in found.frames] == [
            (pytest.approx(at), pytest.approx(at + 0.2)) for at in (0, 0.2, 0.4, 0.6)
        ]
        assert found.frames[0].value == found.stored
        for frame, view in zip(found.frames, VIEWS, strict=True):
            assert bits(frame.value, reference(view)) <= 16  # GIF keeps 256 colours

    @pytest.mark.parametrize("name", ["TIFF", "HEIF"])
    def test_pages_are_frames_one_a_second(self, name):
        found = examine(animated(VIEWS, name))
        assert [(frame.at_seconds, frame.until_seconds) for frame in found.frames] == [(0, 1), (1, 2), (2, 3), (3, 4)]
        assert bits(found.frames[2].value, reference(VIEWS[2])) <= 10

    def test_pages_may_differ_in_size_and_mode(self):
        pages = [VIEWS[0], VIEWS[1].resize((300, 200)).convert("L"), VIEWS[2].convert("CMYK")]
        found = examine(animated(pages, "TIFF"))
        assert [bits(frame.value, reference(page)) for frame, page in zip(found.frames, pages, strict=True)] == [0] * 3

    def test_near_equal_neighbours_are_one(self):
        one, other = VIEWS[:2]
        almost = one.point(lambda level: min(level + 1, 255))
        found = examine(animated([one, almost, other, one], "WEBP"))
        assert [(round(frame.at_seconds, 3), round(frame.until_seconds, 3)) for frame in found.frames] == [
            (0, 0.4), (0.4, 0.6), (0.6, 0.8),
        ]  # fmt: skip

    def test_a_frame_without_a_time_lasts_a_tenth_of_a_second(self):
        found = examine(animated(VIEWS, "GIF", milliseconds=0))
        assert [frame.until_seconds for frame in found.frames] == pytest.approx([0.1, 0.2, 0.3, 0.4])

    def test_a_picture_that_stands_alone_has_none(self):
        for name in pictures.FORMATS:
            assert examine(written(VIEWS[0], name)).frames == []

    @pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF", "HEIF", "AVIF"])
    def test_stop_at_the_limit_and_say_so(self, name):
        file = animated(VIEWS, name)
        for limits in ({"frames": 2}, {"frames_pixels": 2 * 160 * 120}):
            found = examine(file, **limits)
            assert (len(found.frames), found.shortened) == (2, pictures.FRAMES_CUT)
        assert examine(file, frames=4, frames_pixels=4 * 160 * 120).shortened is None

    @pytest.mark.parametrize("name", ["GIF", "PNG", "TIFF"])
    def test_a_damaged_one_ends_them_and_is_said(self, name):
        file = animated(VIEWS, name)
        found = examine(file[: len(file) * 2 // 3])
        if isinstance(found, Problem):
            assert found.code in {"decode.truncated", "decode.failed", "decode.unrecognised"}
        else:
            assert 1 <= len(found.frames) < 4
            assert found.shortened == pictures.FRAME_DAMAGED


class TestBorderless:
    @pytest.mark.parametrize("name", ["JPEG", "PNG"])
    @pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 60)])
    def test_is_the_value_without_the_margins(self, name, colour):
        inner = photo(21, width=900, height=640)
        framed = Image.new("RGB", (1000, 900), colour)
        framed.paste(inner, (50, 130))
        found = examine(written(framed, name, quality=90))
        assert bits(found.borderless, reference(inner)) <= 12
        assert bits(found.stored, reference(inner)) > 31

    def test_is_absent_where_there_is_no_margin(self):
        assert examine(written(PHOTO, "JPEG")).borderless is None
