# SPDX-License-Identifier: Apache-2.0
"""Archives of every kind, made in memory for the tests, and ways to spoil them."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib

import py7zr

ZIP_METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}
SEVENZIP_FILTERS = {
    "lzma2": None,
    "lzma": [{"id": py7zr.FILTER_LZMA}],
    "bcj": [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA2, "preset": 1}],
    "deflate": [{"id": py7zr.FILTER_DEFLATE}],
    "bzip2": [{"id": py7zr.FILTER_BZIP2}],
    "copy": [{"id": py7zr.FILTER_COPY}],
}
SEVENZIP_FILTERS_REFUSED = {
    "ppmd": [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 20}],
    "zstd": [{"id": py7zr.FILTER_ZSTD, "level": 3}],
    "brotli": [{"id": py7zr.FILTER_BROTLI, "level": 3}],
}


def zipped(files, method="deflate"):
    """Pack (name, content) pairs; equal names are kept."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression=ZIP_METHODS[method]) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=ZIP_METHODS[method])
    return file.getvalue()


def tarred(files, compression=""):
    """Pack (name, content) pairs or (TarInfo, content) pairs."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{compression}") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = info.size or len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def sevenzipped(files, method="lzma2", **options):
    file = io.BytesIO()
    with py7zr.SevenZipFile(
        file, "w", filters={**SEVENZIP_FILTERS, **SEVENZIP_FILTERS_REFUSED}[method], **options
    ) as archive:
        for name, content in files:
            archive.writestr(content, name)
    return file.getvalue()


def sevenzipped_empty_file(name, folder):
    """Return a 7z archive with an empty file as 7-Zip writes it; py7zr writes a folder, of which this makes a file."""
    file = io.BytesIO()
    with py7zr.SevenZipFile(file, "w") as archive:
        archive.set_encoded_header_mode(False)
        archive.write(folder, name)
    whole = bytearray(file.getvalue())
    begin = 32 + int.from_bytes(whole[12:20], "little")
    at = whole.rindex((folder.stat().st_mode << 16 | 0x8010).to_bytes(4, "little"))
    whole[at] &= ~0x10
    whole[28:32] = zlib.crc32(whole[begin:]).to_bytes(4, "little")
    whole[8:12] = zlib.crc32(whole[12:32]).to_bytes(4, "little")
    return bytes(whole)


KINDS = {
    **{f"zip {method}": lambda files, method=method: zipped(files, method) for method in ZIP_METHODS},
    "tar": tarred,
    **{f"tar.{name}": lambda files, name=name: tarred(files, name) for name in ("gz", "bz2", "xz")},
    **{f"7z {method}": lambda files, method=method: sevenzipped(files, method) for method in SEVENZIP_FILTERS},
}
COMPRESSORS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def renamed(archive, old, new):
    """Put other bytes in the place of a name of the same length."""
    assert len(old) == len(new)
    assert old in archive
    return archive.replace(old, new)


def headers(archive):
    """Yield where each local header and each central header of a ZIP archive stands, and where its flags do."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        at = opened.start_dir
        for info in opened.infolist():
            yield info.header_offset, info.header_offset + 6
            yield at, at + 8
            at += 46 + len(info.orig_filename.encode()) + len(info.extra)


def with_field(archive, value, *, after_flags=0):
    """Set the flags of every header (or, two bytes further, the method) of a ZIP archive."""
    spoilt = bytearray(archive)
    for _, flags in headers(archive):
        spoilt[flags + after_flags : flags + after_flags + 2] = value.to_bytes(2, "little")
    return bytes(spoilt)


def overlapping(files, content):
    """Return a ZIP archive in which each entry's data runs over the local headers of all that follow."""
    whole = bytearray(zipped([(f"{number:03}", content if number == files - 1 else b"") for number in range(files)]))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        infos, at = archive.infolist(), archive.start_dir
    end = at
    for info in infos:
        if info is not infos[-1]:
            reach = end - info.header_offset - 30 - len(info.filename)
            whole[at + 20 : at + 24] = reach.to_bytes(4, "little")
            whole[at + 24 : at + 28] = (1 << 31).to_bytes(4, "little")
        at += 46 + len(info.filename)
    return bytes(whole)
