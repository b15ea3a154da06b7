# SPDX-License-Identifier: Apache-2.0
"""Decoders for tests, loaded into a real confined worker in place of the real ones: they do what the content says.

A staged picture is a JPEG's first bytes and a word; a staged video likewise; a staged archive is a ZIP file's first
bytes and JSON: a list of [how it is taken out, content]. The words are the keys of `DEEDS`; any other word works.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from io import BytesIO
from types import ModuleType

from vigie.fingerprints.messages import Frame, Member, MemberProblem, Picture, Problem, Value, Video

PICTURE, VIDEO, ARCHIVE = b"\xff\xd8\xff", b"FLV\x01", b"PK\x03\x04"


@dataclass
class Limits:
    anything: int = 0


def hang():
    while True:
        pass


def eat():
    hoard = []
    while True:
        hoard.append(bytearray(50_000_000))


def babble():
    os.write(int(sys.argv[1]), b"\x05\0\0\0hello")
    time.sleep(60)


def boast():
    os.write(int(sys.argv[1]), b"\xff\xff\xff\x7f")
    time.sleep(60)


def fail():
    raise RuntimeError("as decoders do")


DEEDS = {
    b"crash": lambda: ctypes.string_at(0),
    b"exit": lambda: os._exit(0),
    b"hang": hang,
    b"sleep": lambda: time.sleep(60),
    b"nap": lambda: time.sleep(1),
    b"eat": eat,
    b"babble": babble,
    b"boast": boast,
    b"fail": fail,
    b"run": lambda: os.execv("/bin/true", ["true"]),
    b"call": socket.socket,
    b"kill": lambda: os.kill(os.getppid(), signal.SIGKILL),
    b"import": lambda: __import__("wave"),
}


def act(content: bytes) -> Value:
    word = content.partition(b":")[2]
    if word in DEEDS:
        DEEDS[word]()
    return Value(turns=word[:32].ljust(256, b"\0"), quality=50)


def picture(file: bytes, *, limits):
    return Picture(format="staged", width_px=8, height_px=8, stored=act(file))


def video(file, *, full, limits):
    words = file.read().partition(b":")[2].split(b",")
    value = act(b":" + words[-1 if full else 0])
    frames = [Frame(at_seconds=0, until_seconds=1, value=value)] * (20_000 if words[0] == b"long" else 1)
    return Video(format="staged", width_px=8, height_px=8, duration_seconds=1, frames=frames, full=full)


def members(file, *, limits, scratch, start_at, skip):
    scratch.write(b"unpacked")
    content = file.read().decode("latin-1")[len(ARCHIVE) :]
    for ordinal, (taking, body) in enumerate(json.loads(content)):
        name = b"%d" % ordinal
        if ordinal < start_at:
            continue
        if ordinal in skip:
            yield MemberProblem(
                ordinal=ordinal, names=[name], problem=Problem(code="staged.skipped", message="skipped")
            )
            continue
        act(b":" + taking.encode())
        digests = {"md5": bytes(16), "sha1": bytes(20), "sha256": bytes(32)}
        yield Member(ordinal=ordinal, names=[name], size_bytes=len(body), **digests), BytesIO(body.encode("latin-1"))


def stage(name: str, **attributes) -> None:
    module = ModuleType(f"vigie.fingerprints.decode.{name}")
    vars(module).update(
        preload=lambda: None, PictureLimits=Limits, VideoLimits=Limits, ArchiveLimits=Limits, **attributes
    )
    sys.modules[module.__name__] = module


stage("pictures", examine=picture)
stage("videos", examine=video)
stage("archives", members=members)
