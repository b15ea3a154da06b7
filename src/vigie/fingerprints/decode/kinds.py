# SPDX-License-Identifier: Apache-2.0
"""What content is, by its first bytes: which worker opens it, and what it is called.

- Only bytes are compared; nothing is decoded, so the parent may ask too. Names and extensions never count.
- Content is what it begins with. A picture behind other bytes, or with a damaged beginning, is `other`: its exact
  digests are computed all the same.
- A container or a picture format that is known but not opened is said to be so, never taken for "no media".
- Any bytes get an answer; none raises.

Source: the formats' specifications; brands of ISO base media files: https://mp4ra.org/registered-types/brands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from vigie.fingerprints.messages import Other, Problem

HEAD_BYTES: Final = 33 * 1024  # an ISO 9660 image names itself behind 32 KiB of zeros; nothing else comes later
_SECTOR: Final = 512
_MAX_BRANDS: Final = 32


class Role(StrEnum):
    """What a worker has loaded and may open."""

    PICTURES = "pictures"
    VIDEOS = "videos"
    ARCHIVES = "archives"


@dataclass(frozen=True, slots=True)
class Kind:
    """What the first bytes say.

    `role` is None where nothing opens it; `unsupported` tells a known format that is not opened from content that is
    no media at all. `format` is None where the first bytes say nothing.
    """

    role: Role | None
    kind: Literal["picture", "video", "other"]
    format: str | None
    unsupported: bool = False


_UNKNOWN = Kind(None, "other", None)


def _picture(name: str) -> Kind:
    return Kind(Role.PICTURES, "picture", name)


def _video(name: str) -> Kind:
    return Kind(Role.VIDEOS, "video", name)


def _archive(name: str) -> Kind:
    return Kind(Role.ARCHIVES, "other", name)


def _closed(name: str, kind: Literal["picture", "video", "other"] = "other") -> Kind:
    return Kind(None, kind, name, unsupported=True)


# Where, what, and what it means; the first that fits counts.
_SIGNATURES: Final[tuple[tuple[int, bytes, Kind], ...]] = (
    (0, b"\xff\xd8\xff", _picture("jpeg")),
    (0, b"\x89PNG\r\n\x1a\n", _picture("png")),
    (0, b"GIF87a", _picture("gif")),
    (0, b"GIF89a", _picture("gif")),
    (0, b"II*\0", _picture("tiff")),
    (0, b"MM\0*", _picture("tiff")),
    (0, b"II+\0", _picture("tiff")),
    (0, b"MM\0+", _picture("tiff")),
    (0, b"\x1a\x45\xdf\xa3", _video("matroska")),
    (0, b"FLV\x01", _video("flv")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", _video("asf")),
    (0, b".RMF\0\0", _video("realmedia")),
    (0, b"OggS\0", _video("ogg")),
    (0, b"\0\0\x01\xba", _video("mpeg-ps")),
    (0, b"\0\0\x01\xb3", _video("mpeg-video")),
    (0, b"\0\0\0\x01\x67", _video("h264")),
    (0, b"\0\0\0\x01\x40\x01", _video("hevc")),
    (0, b"DKIF\0\0", _video("ivf")),
    (0, b"YUV4MPEG2 ", _video("y4m")),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02", _video("mxf")),
    (0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11", _video("wtv")),
    (0, b"PK\x03\x04", _archive("zip")),
    (0, b"PK\x05\x06", _archive("zip")),
    (0, b"PK\x07\x08PK\x03\x04", _archive("zip")),
    (0, b"PK00PK\x03\x04", _archive("zip")),
    (0, b"7z\xbc\xaf\x27\x1c", _archive("7z")),
    (0, b"\x1f\x8b\x08", _archive("gzip")),
    (0, b"\xfd7zXZ\0", _archive("xz")),
    (257, b"ustar", _archive("tar")),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", _closed("jpeg-2000", "picture")),
    (0, b"\xff\x4f\xff\x51", _closed("jpeg-2000", "picture")),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", _closed("jpeg-xl", "picture")),
    (0, b"8BPS\0", _closed("photoshop", "picture")),
    (0, b"FUJIFILMCCD-RAW", _closed("camera-raw", "picture")),
    (0, b"IIRO", _closed("camera-raw", "picture")),
    (0, b"IIRS", _closed("camera-raw", "picture")),
    (0, b"MMOR", _closed("camera-raw", "picture")),
    (0, b"IIU\0", _closed("camera-raw", "picture")),
    (0, b"FOVb", _closed("camera-raw", "picture")),
    (0, b"gimp xcf", _closed("xcf", "picture")),
    (0, b"BPG\xfb", _closed("bpg", "picture")),
    (0, b"\x76\x2f\x31\x01", _closed("openexr", "picture")),
    (0, b"AT&TFORM", _closed("djvu", "picture")),
    (0, b"\xd7\xcd\xc6\x9a", _closed("wmf", "picture")),
    (40, b" EMF", _closed("emf", "picture")),
    (128, b"DICM", _closed("dicom", "picture")),
    (0, b"%!PS-Adobe", _closed("postscript", "picture")),
    (0, b"\xc5\xd0\xd3\xc6", _closed("postscript", "picture")),
    (0, b"Rar!\x1a\x07", _closed("rar")),
    (0, b"MSCF\0\0\0\0", _closed("cab")),
    (0, b"%PDF-", _closed("pdf")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _closed("ole")),
    (0, b"!BDN", _closed("outlook-store")),
    (0, b"CMMM", _closed("thumbnail-cache")),
    (0, b"IMMM", _closed("thumbnail-cache")),
    (0, b"SQLite format 3\0", _closed("sqlite")),
    (0, b"EVF\x09\x0d\x0a\xff\x00", _closed("ewf")),
    (0, b"EVF2\x0d\x0a\x81\x00", _closed("ewf")),
    (0, b"LVF\x09\x0d\x0a\xff\x00", _closed("ewf")),
    (0, b"LEF2\x0d\x0a\x81\x00", _closed("ewf")),
    (0, b"AFF10\r\n", _closed("aff")),
    (0, b"KDMV", _closed("vmdk")),
    (0, b"COWD", _closed("vmdk")),
    (0, b"# Disk DescriptorFile", _closed("vmdk")),
    (0, b"conectix", _closed("vhd")),
    (0, b"vhdxfile", _closed("vhdx")),
    (0, b"QFI\xfb", _closed("qcow")),
    (64, b"\x7f\x10\xda\xbe", _closed("vdi")),
    (0, b"MSWIM\0\0\0", _closed("wim")),
    (0, b"hsqs", _closed("squashfs")),
    (0, b"xar!", _closed("xar")),
    (0, b"!<arch>\n", _closed("ar")),
    (0, b"\xed\xab\xee\xdb", _closed("rpm")),
    (0, b"\x28\xb5\x2f\xfd", _closed("zstd")),
    (0, b"\x04\x22\x4d\x18", _closed("lz4")),
    (0, b"LZIP\x01", _closed("lzip")),
    (0, b"\x1f\x9d\x90", _closed("compress")),
    (7, b"**ACE**", _closed("ace")),
    (0, b"LUKS\xba\xbe", _closed("disk-image")),
    (3, b"NTFS    ", _closed("disk-image")),
    (3, b"EXFAT   ", _closed("disk-image")),
    (3, b"-FVE-FS-", _closed("disk-image")),
    (54, b"FAT1", _closed("disk-image")),
    (82, b"FAT32   ", _closed("disk-image")),
    (32, b"NXSB", _closed("disk-image")),
    (512, b"EFI PART", _closed("disk-image")),
    (1024, b"H+\0\x04", _closed("disk-image")),
    (0x8001, b"CD001", _closed("iso9660")),
    (0, b"ID3", Kind(None, "other", "mp3")),
    (0, b"fLaC", Kind(None, "other", "flac")),
)

_RIFF: Final = {b"WEBP": _picture("webp"), b"AVI ": _video("avi"), b"CDXA": _video("mpeg-ps")}
# Brands that are pictures; every other brand of an ISO base media file is a video.
_BRANDS: Final = {
    **dict.fromkeys((b"avif", b"avis"), _picture("avif")),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), _picture("heif")),
    b"crx ": _closed("camera-raw", "picture"),
}
_GENERIC_BRANDS: Final = frozenset({b"mif1", b"msf1"})  # said by HEIF and AVIF alike: the compatible brands tell
_QUICKTIME_ATOMS: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_BMP_HEADERS: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_NETPBM: Final = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")
_TS_PACKETS: Final = ((0, 188), (4, 192), (0, 204))  # where the first sync byte stands, and the next ones after it


def sniff(head: bytes) -> Kind:
    """Say what content is by its first HEAD_BYTES bytes (or all of it, where it is shorter)."""
    for offset, magic, kind in _SIGNATURES:
        if head.startswith(magic, offset):
            return kind
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12], Kind(None, "other", "riff"))
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    return next((kind for fits, kind in _CHECKS if fits(head)), _UNKNOWN)


def unopened(kind: Kind) -> Other | Problem:
    """Say what becomes of content that no worker opens."""
    if not kind.unsupported:
        return Other(format=kind.format)
    if kind.kind == "picture":
        message = f"pictures in this format ({kind.format}) are not decoded; exact digests count"
        return Problem(code="decode.format-not-supported", message=message, kind="picture", examined=False)
    message = f"containers of this kind ({kind.format}) are not opened: extract what is in it and examine that"
    return Problem(code="decode.container-not-supported", message=message, examined=False)


def _of_brands(head: bytes) -> Kind:
    """Read the major brand, and the compatible ones where that says too little."""
    end = min(int.from_bytes(head[:4], "big"), 16 + 4 * _MAX_BRANDS, len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    known = [_BRANDS[brand] for brand in brands if brand in _BRANDS and brand not in _GENERIC_BRANDS]
    if brands[0] in _GENERIC_BRANDS:
        return known[0] if known else _BRANDS[brands[0]]
    return _BRANDS.get(brands[0], _video("quicktime" if brands[0] == b"qt  " else "mp4"))


def _is_bzip2(head: bytes) -> bool:
    return head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90")


def _is_quicktime(head: bytes) -> bool:
    size = int.from_bytes(head[:4], "big")
    return head[4:8] in _QUICKTIME_ATOMS and (size in (0, 1) or size >= 8)


def _is_bmp(head: bytes) -> bool:
    return head.startswith(b"BM") and len(head) >= 18 and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


def _is_transport_stream(head: bytes) -> bool:
    return any(
        len(head) > start + 4 * step and all(head[start + step * n] == 0x47 for n in range(5))
        for start, step in _TS_PACKETS
    )


def _is_old_tar(head: bytes) -> bool:
    """Tell the tape archives from before the magic word by the checksum of their first header."""
    if len(head) < _SECTOR or head[0] == 0:
        return False
    field = head[148:156].strip(b" \0")
    if not field or field.strip(b"01234567"):
        return False
    return sum(head[:148]) + 8 * 0x20 + sum(head[156:_SECTOR]) == int(field, 8)


def _is_disk(head: bytes) -> bool:
    """Tell a disk by its partition table: four entries, each active or not, one of them in use."""
    table = head[446:_SECTOR]
    entries = [table[at : at + 16] for at in range(0, 64, 16)]
    return table[64:] == b"\x55\xaa" and all(entry[0] in (0, 0x80) for entry in entries) and any(map(any, entries))


def _is_cpio(head: bytes) -> bool:
    digits, length = (b"01234567", 76) if head.startswith(b"070707") else (b"0123456789abcdefABCDEF", 110)
    return head.startswith((b"070701", b"070702", b"070707")) and not head[:length].strip(digits)


def _is_lha(head: bytes) -> bool:
    return head[2:5] in (b"-lh", b"-lz") and head[6:7] == b"-"


def _is_flash(head: bytes) -> bool:
    return len(head) >= 8 and head[:3] in (b"FWS", b"CWS", b"ZWS") and 0 < head[3] < 0x20


def _is_netpbm(head: bytes) -> bool:
    return len(head) >= 8 and head[:2] in _NETPBM and head[2] in b"\n\r\t " and head[3] in b"#0123456789"


def _is_icon(head: bytes) -> bool:
    return len(head) >= 22 and head[:4] in (b"\0\0\1\0", b"\0\0\2\0") and 0 < head[4] < 64 and head[5] == head[9] == 0


_CHECKS: Final[tuple[tuple[Callable[[bytes], bool], Kind], ...]] = (
    (_is_bzip2, _archive("bzip2")),
    (_is_quicktime, _video("quicktime")),
    (_is_bmp, _picture("bmp")),
    (_is_transport_stream, _video("mpeg-ts")),
    (_is_old_tar, _archive("tar")),
    (_is_disk, _closed("disk-image")),
    (_is_cpio, _closed("cpio")),
    (_is_lha, _closed("lha")),
    (_is_flash, _closed("flash")),
    (_is_netpbm, _closed("netpbm", "picture")),
    (_is_icon, _closed("icon", "picture")),
)
