# SPDX-License-Identifier: Apache-2.0
"""The real decoders in real workers: being confined changes no answer, whatever a decoder loads late."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import tarfile
import zipfile

import av
import numpy as np
import py7zr
import pytest
from PIL import Image

from vigie.fingerprints.decode import pictures, seccomp, videos
from vigie.fingerprints.hashing import Examiner, hash_file
from vigie.fingerprints.messages import Archive, Member, MemberProblem, Other, Picture, Problem, Video

pytestmark = pytest.mark.skipif(not seccomp.is_supported(), reason="confinement needs Linux on x86-64 or aarch64")


def scene(seed: int = 1, *, mode: str = "RGB", size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A generated picture: smooth shapes of a seeded generator."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 4), dtype=np.uint8)
    picture = Image.fromarray(coarse, "RGBA").resize(size, Image.Resampling.BICUBIC)
    if mode in ("RGBA", "LA"):
        return picture.convert(mode)
    if mode == "I;16":
        return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    return picture.convert("RGB").convert(mode)


def saved(form: str, *, mode: str = "RGB", **options) -> bytes:
    out = io.BytesIO()
    scene(mode=mode).save(out, form, **options)
    return out.getvalue()


def animated(form: str) -> bytes:
    out = io.BytesIO()
    frames = [scene(seed) for seed in range(3)]
    frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=200, loop=0)
    return out.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved("JPEG", exif=exif)


PICTURES = {
    "jpeg": lambda: saved("JPEG"),
    "jpeg, progressive": lambda: saved("JPEG", progressive=True),
    "jpeg, grey": lambda: saved("JPEG", mode="L"),
    "jpeg, cmyk": lambda: saved("JPEG", mode="CMYK"),
    "jpeg, turned": turned,
    "jpeg, with a colour profile": lambda: saved("JPEG", icc_profile=b"not a profile"),
    "jpeg, cut off": lambda: saved("JPEG")[:-900],
    "jpeg, only its beginning": lambda: saved("JPEG")[:200],
    "jpeg, scrambled": lambda: saved("JPEG")[:700] + bytes(3000),
    "png": lambda: saved("PNG"),
    "png, 1 bit": lambda: saved("PNG", mode="1"),
    "png, 16 bits": lambda: saved("PNG", mode="I;16"),
    "png, palette": lambda: saved("PNG", mode="P"),
    "png, transparent": lambda: saved("PNG", mode="RGBA"),
    "png, grey and transparent": lambda: saved("PNG", mode="LA"),
    "png, animated": lambda: animated("PNG"),
    "png, cut off": lambda: saved("PNG")[:-2000],
    "webp": lambda: saved("WEBP"),
    "webp, lossless": lambda: saved("WEBP", lossless=True, mode="RGBA"),
    "webp, animated": lambda: animated("WEBP"),
    "gif": lambda: saved("GIF"),
    "gif, animated": lambda: animated("GIF"),
    "bmp": lambda: saved("BMP"),
    "tiff": lambda: saved("TIFF"),
    "tiff, pages": lambda: animated("TIFF"),
    "avif": lambda: saved("AVIF"),
    "avif, animated": lambda: animated("AVIF"),
    "heif": lambda: saved("HEIF"),
    "nothing but a beginning": lambda: b"\x89PNG\r\n\x1a\n",
    **{
        f"tiff, {name}": lambda name=name: saved("TIFF", compression=name)
        for name in ("tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma")
    },
    "tiff, fax": lambda: saved("TIFF", mode="1", compression="group4"),
}
ENCODERS = {"mp4": "h264", "mkv": "libvpx-vp9", "avi": "mpeg4", "mpg": "mpeg2video", "webm": "libvpx", "flv": "flv"}


def clip(container: str) -> bytes:
    out = io.BytesIO()
    form = {"mkv": "matroska", "mpg": "mpeg"}.get(container, container)
    with av.open(out, "w", format=form) as file:
        stream = file.add_stream(ENCODERS[container], rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for seed in range(20):
            frame = av.VideoFrame.from_image(scene(seed // 10, size=(160, 120)))
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return out.getvalue()


@pytest.fixture(scope="module")
def examiner():
    pictures.preload()
    with Examiner() as examiner:
        yield examiner


def examine(examiner: Examiner, content: bytes, **options) -> list[object]:
    descriptor = os.memfd_create("content")
    try:
        os.write(descriptor, content)
        return list(examiner.examine(descriptor, size_bytes=len(content), **options))
    finally:
        os.close(descriptor)


class TestPictures:
    @pytest.mark.parametrize("made", PICTURES.values(), ids=PICTURES)
    def test_give_the_same_answer_confined(self, examiner, made):
        content = made()
        (found,) = examine(examiner, content)
        assert isinstance(found, Picture | Problem)
        assert found == pictures.examine(content, limits=pictures.PictureLimits())


class TestVideos:
    @pytest.mark.parametrize("container", ENCODERS)
    def test_give_the_same_answer_confined(self, examiner, container):
        content = clip(container)
        key, full = examine(examiner, content, enough=lambda _: False)
        assert isinstance(full, Video)
        for found, whole in ((key, False), (full, True)):
            assert found == videos.examine(io.BytesIO(content), full=whole, limits=videos.VideoLimits())

    def test_of_the_samples_are_read(self, examiner, shared):
        for path in sorted((shared / "video").glob("*.mp4")):
            found = hash_file(path, examiner=examiner, full=True)
            assert (found.kind, found.problem) == ("video", None)
            assert found.frames


BODIES = {"a.jpg": PICTURES["jpeg"], "words.txt": lambda: b"only words", "ü/../b.heic": PICTURES["heif"]}


def zipped(**options) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:
        for name, made in BODIES.items():
            archive.writestr(name, made())
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, made in BODIES.items():
            info = tarfile.TarInfo(name)
            info.size = len(made())
            archive.addfile(info, io.BytesIO(made()))
    return out.getvalue()


def seven(**options) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", **options) as archive:
        for name, made in BODIES.items():
            archive.writestr(made(), name)
    return out.getvalue()


ARCHIVES = {
    "zip": zipped,
    "zip, deflate": lambda: zipped(compression=zipfile.ZIP_DEFLATED),
    "zip, bzip2": lambda: zipped(compression=zipfile.ZIP_BZIP2),
    "zip, lzma": lambda: zipped(compression=zipfile.ZIP_LZMA),
    "tar": tarred,
    "tar, gzip": lambda: gzip.compress(tarred()),
    "tar, bzip2": lambda: bz2.compress(tarred()),
    "tar, xz": lambda: lzma.compress(tarred()),
    "7z": seven,
    "7z, bzip2": lambda: seven(filters=[{"id": py7zr.FILTER_BZIP2}]),
    "7z, bcj": lambda: seven(filters=[{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA2, "preset": 1}]),
    "7z, copy": lambda: seven(filters=[{"id": py7zr.FILTER_COPY}]),
}


class TestArchives:
    @pytest.mark.parametrize("made", ARCHIVES.values(), ids=ARCHIVES)
    def test_are_opened_confined(self, examiner, made):
        found = examine(examiner, made())
        assert [type(what) for what in found] == [Archive, Member, Picture, Member, Other, Member, Picture]
        members = [what for what in found if isinstance(what, Member)]
        assert [one.names[-1].decode() for one in members] == list(BODIES)
        for one, body in zip(members, BODIES.values(), strict=True):
            assert (one.sha256, one.size_bytes) == (hashlib.sha256(body()).digest(), len(body()))

    def test_in_archives_are_opened_too(self, examiner):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, made in ARCHIVES.items():
                archive.writestr(name, made())
        found = examine(examiner, out.getvalue())
        assert not [what for what in found if isinstance(what, Problem | MemberProblem)]
        assert len([what for what in found if isinstance(what, Picture)]) == 2 * len(ARCHIVES)

    @pytest.mark.parametrize("made", ARCHIVES.values(), ids=ARCHIVES)
    def test_that_are_cut_off_say_so(self, examiner, made):
        content = made()
        found = examine(examiner, content[: len(content) // 2])
        assert isinstance(found[-1], MemberProblem)
        assert not [what for what in found if isinstance(what, Problem) and what.code.startswith("sandbox")]

    def test_that_are_encrypted_say_so(self, examiner):
        found = examine(examiner, seven(password="a password"))
        problems = [what.problem.code for what in found if isinstance(what, MemberProblem)]
        assert problems
        assert set(problems) == {"archive.encrypted"}
