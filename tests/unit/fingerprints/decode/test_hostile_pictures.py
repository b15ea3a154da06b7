# SPDX-License-Identifier: Apache-2.0
"""Hostile pictures: nothing is raised, nothing grows without bound, nothing is loaded late."""

import io
import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from unit.fingerprints.decode.photos import animated, bits, photo, png, reference, turned_by_exif, written
from vigie.fingerprints import messages
from vigie.fingerprints.decode import jpeg, pictures

pytestmark = pytest.mark.usefixtures("decoders")

SOURCE = Path(pictures.__file__).parents[3]
SMALL = photo(9, width=96, height=64)
MUTATIONS = 300


def examine(file, **limits):
    return pictures.examine(file, limits=pictures.PictureLimits(**limits))


def samples():
    views = [photo(seed, width=64, height=48) for seed in range(3)]
    files = [written(SMALL, name, exif=turned_by_exif(6)) for name in pictures.FORMATS if name not in ("GIF", "BMP")]
    files += [written(SMALL, name) for name in ("GIF", "BMP")]
    files += [animated(views, name) for name in ("GIF", "PNG", "WEBP", "TIFF", "HEIF", "AVIF")]
    files += [written(SMALL, "JPEG", progressive=True), written(SMALL.convert("CMYK"), "JPEG")]
    files += [written(SMALL, "TIFF", compression=name) for name in ("jpeg", "tiff_lzw", "packbits")]
    files += [written(SMALL.convert("RGBA"), "PNG"), written(SMALL.quantize(9), "PNG", transparency=2)]
    return files


def mutated(file, seed):
    chance = random.Random(seed)
    content = bytearray(file)
    match chance.randrange(4):
        case 0:
            del content[chance.randrange(len(content)) :]
        case 1:
            at = chance.randrange(len(content))
            content[at:at] = chance.randbytes(chance.randrange(1, 60))
        case 2:
            for _ in range(chance.choice([1, 4, 40])):
                content[chance.randrange(len(content))] = chance.randrange(256)
        case _:
            for _ in range(chance.choice([1, 3])):
                content[chance.randrange(min(len(content), 80))] = chance.choice([0, 1, 127, 128, 255])
    return bytes(content)


class TestMutations:
    def test_give_a_picture_or_a_problem_that_the_parent_accepts(self):
        files, kind = samples(), messages.Picture | messages.Problem
        for seed in range(MUTATIONS):
            found = examine(mutated(files[seed % len(files)], seed))
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=kind) == found
            if isinstance(found, messages.Problem):
                assert found.kind == "picture"
                assert found.code.startswith("decode.")

    def test_every_prefix_of_a_small_file_is_answered(self):
        for name in pictures.FORMATS:
            file = written(SMALL.resize((24, 16)), name)
            for end in range(0, len(file), max(1, len(file) // 60)):
                assert isinstance(examine(file[:end]), messages.Picture | messages.Problem)

    @pytest.mark.parametrize("file", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"GIF89a", b"plain text", bytes(5000)])
    def test_what_is_no_picture_is_a_problem(self, file):
        assert examine(file).code == "decode.unrecognised"


class TestProblems:
    def test_grey_that_is_no_number_is_one(self):
        pixels = np.full((40, 50), np.nan, np.float32)
        assert examine(written(Image.fromarray(pixels), "TIFF")).code == "decode.failed"

    def test_want_of_memory_is_one(self, monkeypatch):
        def exhausted(*args, **options):
            raise MemoryError

        monkeypatch.setattr(jpeg, "read_plane", exhausted)
        assert examine(written(SMALL, "JPEG")).code == "decode.memory-limit"


class TestBombs:
    def test_a_picture_of_too_many_pixels_is_not_decoded(self):
        header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
        file = png((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
        found = examine(file)
        assert (found.code, found.examined) == ("decode.too-large", False)

    def test_the_limit_is_the_callers(self):
        for name in pictures.FORMATS:
            file = written(SMALL, name)
            assert isinstance(examine(file, pixels=96 * 64), messages.Picture), name
            assert examine(file, pixels=96 * 64 - 1).code == "decode.too-large", name

    def test_the_decoders_memory_counts(self):
        assert examine(written(SMALL, "PNG"), decoded_bytes=96 * 64 * 4 - 1).code == "decode.too-large"
        assert isinstance(examine(written(SMALL.convert("L"), "PNG"), decoded_bytes=96 * 64), messages.Picture)
        progressive = written(SMALL, "JPEG", progressive=True)
        assert examine(progressive, decoded_bytes=96 * 64 * 3 - 1).code == "decode.too-large"
        assert isinstance(examine(progressive, decoded_bytes=96 * 64 * 3), messages.Picture)

    def test_a_canvas_beyond_the_limit_is_not_made(self):
        file = bytearray(animated([SMALL, SMALL.rotate(180)], "WEBP"))
        assert file[12:16] == b"VP8X"
        file[24:30] = b"\xff\x3f\x00\xff\x3f\x00"
        assert examine(bytes(file)).code == "decode.too-large"

    @pytest.mark.parametrize("tag", [256, 257])
    def test_an_absurd_tiff_is_refused(self, tag):
        file = written(SMALL, "TIFF")
        at = file.index(struct.pack("<HHI", tag, 4, 1)) if struct.pack("<HHI", tag, 4, 1) in file else -1
        entry = struct.pack("<HHII", tag, 4, 1, 2**31 - 1)
        at = at if at >= 0 else file.index(struct.pack("<HHI", tag, 3, 1))
        assert examine(file[:at] + entry + file[at + 12 :]).code == "decode.too-large"

    def test_a_jpeg_of_endless_scans_is_not_decoded(self):
        file = written(SMALL, "JPEG", progressive=True)
        scan = file[file.rindex(b"\xff\xda") : -2]
        many = file[:-2] + scan * 200 + file[-2:]
        assert (examine(many).code, examine(many).examined) == ("decode.too-large", False)
        assert isinstance(examine(many, scans=1000), messages.Picture)

    def test_an_animation_of_thousands_of_frames_ends_at_the_limit(self):
        one, two = photo(1, width=32, height=24), photo(2, width=32, height=24)
        file = animated([one, two], "GIF")
        last = file.rindex(b"\x21\xf9\x04")
        found = examine(file[:last] + file[last:-1] * 3000 + file[-1:])
        assert found.shortened == pictures.FRAMES_CUT
        assert len(found.frames) == 2

    def test_a_page_beyond_the_limit_is_said(self):
        file = animated([SMALL, SMALL.resize((400, 300))], "TIFF")
        assert examine(file, pixels=96 * 64 * 2).shortened == pictures.FRAME_DAMAGED


class TestShortPng:
    def test_without_its_last_rows_is_still_traced_and_says_so(self):
        image = photo(3, width=300, height=400)
        file = written(image, "PNG")
        outcomes = set()
        for share in (0.3, 0.9, 0.94, 0.97, 0.99, 0.999):
            found = examine(file[: int(len(file) * share)])
            if isinstance(found, messages.Picture):
                assert (found.shortened, share >= 0.94) == (jpeg.ENDS_EARLY, True)
                assert bits(found.stored, reference(image)) <= 31
                outcomes.add("picture")
            else:
                assert (found.code, share <= 0.97) == ("decode.truncated", True)
                outcomes.add("problem")
        assert outcomes == {"picture", "problem"}

    def test_an_interlaced_one_is_needed_whole(self):
        # Seven passes over a grey picture of 16 by 16: rows of each pass begin with a filter byte.
        passes = [(2, 2), (2, 2), (4, 2), (4, 4), (8, 4), (8, 8), (16, 8)]
        rows = b"".join(b"\0" + bytes(range(60, 60 + width)) for width, height in passes for _ in range(height))
        header = struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 1)
        whole = png((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
        assert isinstance(examine(whole), messages.Picture)
        assert examine(whole[:-40]).code == "decode.truncated"


class TestPreload:
    WATCHED = """
import io, sys
from vigie.fingerprints import messages
from vigie.fingerprints.decode import pictures
files = [line and bytes.fromhex(line) for line in sys.stdin.read().split()]
pictures.preload()
late = []
watched = {"import", "open", "os.listdir", "os.scandir", "ctypes.dlopen", "socket.connect", "subprocess.Popen"}
sys.addaudithook(lambda event, args: late.append((event, str(args[:1]))) if event in watched else None)
found = [type(pictures.examine(file, limits=pictures.PictureLimits())).__name__ for file in files]
print(late, sorted(set(found)))
"""

    def test_leaves_nothing_to_load_when_pictures_come(self):
        files = samples() + [mutated(file, seed) for seed, file in enumerate(samples())]
        done = subprocess.run(
            [sys.executable, "-c", self.WATCHED],
            input="\n".join(file.hex() for file in files),
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "[] ['Picture', 'Problem']"

    def test_says_which_decoder_does_not_work(self, monkeypatch):
        monkeypatch.setattr(Image, "open", lambda *args, **kwargs: io.BytesIO().getvalue())
        with pytest.raises(pictures.DecoderMissingError):
            pictures.preload()
