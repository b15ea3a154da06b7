# SPDX-License-Identifier: Apache-2.0
"""Taking archives apart in the tests, with every content checked against what is told of it."""

import dataclasses
import hashlib
import io
import random

from vigie.fingerprints.decode import archives
from vigie.fingerprints.decode.archives import ArchiveLimits
from vigie.fingerprints.messages import Member

LIMITS = ArchiveLimits()
FILES = [("a.txt", b"hello " * 1000), ("sub/b.bin", random.Random(1).randbytes(30_000)), ("empty", b""), ("c", b"c")]
LARGE = random.Random(2).randbytes(1 << 18)


def steps(content, *, scratch=None, start_at=0, skip=(), **limits):
    """Take an archive apart, and check the content of each member against what is told of it."""
    file = io.BytesIO(content)
    kept = dataclasses.replace(LIMITS, **limits)
    told = []
    for step in archives.members(file, limits=kept, scratch=scratch, start_at=start_at, skip=frozenset(skip)):
        if isinstance(step, tuple):
            member, opened = step
            whole = opened.read()
            assert len(whole) == member.size_bytes
            assert hashlib.md5(whole).digest() == member.md5
            assert hashlib.sha1(whole).digest() == member.sha1
            assert hashlib.sha256(whole).digest() == member.sha256
            opened.seek(len(whole) // 2)
            assert opened.read() == whole[len(whole) // 2 :]
            told.append(member)
        else:
            told.append(step)
    assert [step.ordinal for step in told] == list(range(start_at, start_at + len(told)))
    return told


def outline(told):
    """Members as (names, digest), problems as (names, code, rest)."""
    return [
        (step.names, step.sha256) if isinstance(step, Member) else (step.names, step.problem.code, step.rest)
        for step in told
    ]


def expected(files, *outer):
    return [([*outer, name.encode()], hashlib.sha256(content).digest()) for name, content in files]
