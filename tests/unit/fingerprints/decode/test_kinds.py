# SPDX-License-Identifier: Apache-2.0
import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import py7zr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vigie.fingerprints.decode.kinds import HEAD_BYTES, Role, sniff


def picture(form: str, **options) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((32, 32)).convert("RGB").save(out, form, **options)
    return out.getvalue()


def tar(form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        archive.addfile(tarfile.TarInfo("one"), io.BytesIO())
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("one", b"1")
    return out.getvalue()


def seven() -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        archive.writestr(b"1", "one")
    return out.getvalue()


def old_tar() -> bytes:
    """A header as tape archives had it before POSIX: no magic word, only the checksum."""
    header = bytearray(512)
    header[:3], header[100:108], header[124:136] = b"one", b"0000644\0", b"00000000000\0"
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def box(brand: bytes, *compatible: bytes) -> bytes:
    body = brand + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + b"\0" * 40


def at(offset: int, magic: bytes) -> bytes:
    return b"\0" * offset + magic + b"\0" * 64


def disk() -> bytes:
    return bytes(446) + b"\x80\1\1\0\7\xfe\xff\xff" + struct.pack("<II", 2048, 4096) + bytes(48) + b"\x55\xaa"


OPENED = [
    (picture("JPEG"), Role.PICTURES, "jpeg"),
    (picture("JPEG", progressive=True), Role.PICTURES, "jpeg"),
    (picture("PNG"), Role.PICTURES, "png"),
    (picture("GIF"), Role.PICTURES, "gif"),
    (picture("BMP"), Role.PICTURES, "bmp"),
    (picture("TIFF"), Role.PICTURES, "tiff"),
    (picture("TIFF", big_tiff=True), Role.PICTURES, "tiff"),
    (picture("WEBP"), Role.PICTURES, "webp"),
    (picture("AVIF"), Role.PICTURES, "avif"),
    (box(b"heic", b"mif1"), Role.PICTURES, "heif"),
    (box(b"mif1", b"heic"), Role.PICTURES, "heif"),
    (box(b"mif1", b"miaf", b"avif"), Role.PICTURES, "avif"),
    (box(b"mif1", b"miaf"), Role.PICTURES, "heif"),
    (box(b"isom", b"avc1"), Role.VIDEOS, "mp4"),
    (box(b"3gp5"), Role.VIDEOS, "mp4"),
    (box(b"qt  "), Role.VIDEOS, "quicktime"),
    (b"\0\0\0\x08wide" + b"\0" * 8, Role.VIDEOS, "quicktime"),
    (b"\x1a\x45\xdf\xa3" + b"\x42\x86", Role.VIDEOS, "matroska"),
    (b"RIFF\x10\0\0\0AVI LIST", Role.VIDEOS, "avi"),
    (b"FLV\x01\x05", Role.VIDEOS, "flv"),
    (b"\0\0\x01\xba\x44", Role.VIDEOS, "mpeg-ps"),
    ((b"\x47" + bytes(187)) * 6, Role.VIDEOS, "mpeg-ts"),
    ((bytes(4) + b"\x47" + bytes(187)) * 6, Role.VIDEOS, "mpeg-ts"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", Role.VIDEOS, "asf"),
    (b".RMF\0\0\0\x12", Role.VIDEOS, "realmedia"),
    (b"OggS\0\x02", Role.VIDEOS, "ogg"),
    (zipped(), Role.ARCHIVES, "zip"),
    (b"PK\x05\x06" + bytes(18), Role.ARCHIVES, "zip"),
    (seven(), Role.ARCHIVES, "7z"),
    (tar(tarfile.USTAR_FORMAT), Role.ARCHIVES, "tar"),
    (tar(tarfile.GNU_FORMAT), Role.ARCHIVES, "tar"),
    (tar(tarfile.PAX_FORMAT), Role.ARCHIVES, "tar"),
    (old_tar(), Role.ARCHIVES, "tar"),
    (gzip.compress(b"1"), Role.ARCHIVES, "gzip"),
    (bz2.compress(b"1"), Role.ARCHIVES, "bzip2"),
    (bz2.compress(b""), Role.ARCHIVES, "bzip2"),
    (lzma.compress(b"1"), Role.ARCHIVES, "xz"),
]

UNSUPPORTED = [
    (b"Rar!\x1a\x07\x01\0", "other", "rar"),
    (b"MSCF\0\0\0\0", "other", "cab"),
    (b"%PDF-1.7\n", "other", "pdf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "other", "ole"),
    (b"EVF\x09\x0d\x0a\xff\x00\x01", "other", "ewf"),
    (b"KDMV\1\0\0\0", "other", "vmdk"),
    (at(0x8001, b"CD001"), "other", "iso9660"),
    (at(3, b"NTFS    "), "other", "disk-image"),
    (disk(), "other", "disk-image"),
    (b"070701" + b"0" * 104, "other", "cpio"),
    (b"\x20\x30-lh5-\0", "other", "lha"),
    (b"CWS\x0a\x10\0\0\0\0", "other", "flash"),
    (b"\x28\xb5\x2f\xfd\0", "other", "zstd"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "picture", "jpeg-2000"),
    (box(b"crx "), "picture", "camera-raw"),
    (b"P6\n#\n2 2", "picture", "netpbm"),
    (b"\0\0\1\0\1\0\x10\x10\0\0" + bytes(12), "picture", "icon"),
]

LOOKALIKES = [
    b"",
    b"\xff\xd8",
    b"\x89PNG\n",
    b"BM is the start of a sentence, and so are these words",
    b"BMW",
    b"BZh, she said",
    b"RIFF",
    b"P",
    b"P6",
    b"Person 1",
    b"CWS",
    b"CWS report of the year",
    b"070701 is a date",
    b"\0\0\1\0",
    b"II*",
    b"a-lh",
    b"PK",
    bytes(HEAD_BYTES),
    b"\xff" * HEAD_BYTES,
    b"junk before it" + picture("JPEG"),
]


class TestSniff:
    @pytest.mark.parametrize(
        ("content", "role", "name"), OPENED, ids=[f"{n}-{i}" for i, (_, _, n) in enumerate(OPENED)]
    )
    def test_names_the_worker_for_what_is_opened(self, content, role, name):
        kind = sniff(content[:HEAD_BYTES])
        assert (kind.role, kind.format, kind.unsupported) == (role, name, False)

    @pytest.mark.parametrize(("content", "what", "name"), UNSUPPORTED, ids=[n for _, _, n in UNSUPPORTED])
    def test_tells_known_formats_that_are_not_opened(self, content, what, name):
        kind = sniff(content[:HEAD_BYTES])
        assert (kind.role, kind.kind, kind.format, kind.unsupported) == (None, what, name, True)

    @pytest.mark.parametrize("content", LOOKALIKES)
    def test_takes_lookalikes_for_what_they_are(self, content):
        kind = sniff(content[:HEAD_BYTES])
        assert (kind.role, kind.unsupported) == (None, False)

    @given(st.binary(max_size=1200))
    def test_answers_any_bytes(self, content):
        assert sniff(content).kind in {"picture", "video", "other"}

    @given(st.sampled_from([c for c, *_ in OPENED + UNSUPPORTED]), st.integers(0, 600), st.binary(max_size=600))
    def test_answers_any_beginning_that_goes_on_otherwise(self, content, length, tail):
        assert sniff(content[:length] + tail).kind in {"picture", "video", "other"}

    def test_never_needs_more_than_the_head(self):
        for content, *_ in OPENED + UNSUPPORTED:
            assert sniff(content + bytes(HEAD_BYTES)) == sniff((content + bytes(HEAD_BYTES))[:HEAD_BYTES])
