# SPDX-License-Identifier: Apache-2.0
"""Workers that say what a script says, and die where it says so; and a conversation carried through them."""

from collections.abc import Generator
from dataclasses import dataclass

from msgspec import structs

from vigie.fingerprints.conversation import Members, OneFile
from vigie.fingerprints.decode.kinds import Role
from vigie.fingerprints.messages import (
    Archive,
    Done,
    Found,
    Frame,
    Job,
    Member,
    MemberProblem,
    Picture,
    Problem,
    Value,
    Video,
)
from vigie.fingerprints.sandbox import DiedError, Limits, LostWorkerError, TimedOutError

VALUE = Value(turns=bytes(256), quality=100)
PICTURE = Picture(format="jpeg", width_px=8, height_px=8, stored=VALUE)
FRAME = Frame(at_seconds=0, until_seconds=1, value=VALUE)
KEY = Video(format="mp4", width_px=8, height_px=8, duration_seconds=2, frames=[FRAME], full=False)
FULL = structs.replace(KEY, frames=[FRAME, FRAME], full=True)
DAMAGED = Problem(code="decode.damaged", message="it is damaged", kind="video")
FULL_MEMORY = Problem(code="decode.memory-limit", message="too much memory", kind="picture")
ARCHIVE = Archive(format="zip")

Script = Generator[object, object, None]


class ScriptedWorker:
    """Says what its script yields, gives it what it is told, and is lost where the script raises."""

    def __init__(self, script: Script, *, files: int = 0) -> None:
        self.files = files
        self._script = script
        self._told: object = None

    def send(self, message, *, descriptors=()):
        self._told = message

    def receive(self, *, within_seconds):
        told, self._told = self._told, None
        return self._script.send(told)


def run(talk, script_for, *, wants=lambda _: True, enough=lambda _: True, files=0) -> list[object]:
    """Carry a conversation through as many workers as it takes; the first one has had `files` before."""
    found, workers = [], 0
    while not talk.is_over:
        workers += 1
        assert workers < 200
        worker = ScriptedWorker(script_for(talk.job()), files=files if workers == 1 else 0)
        try:
            for what in talk.hear(worker, wants=wants, enough=enough):
                found.append(what)
        except LostWorkerError as lost:
            found.extend(talk.go_on_without(lost))
    return found


def picture_file() -> OneFile:
    return OneFile(Role.PICTURES, kind="picture", size_bytes=1, full=False, limits=Limits())


def video_file(*, full=False) -> OneFile:
    return OneFile(Role.VIDEOS, kind="video", size_bytes=1, full=full, limits=Limits())


def member(ordinal: int) -> Member:
    return Member(
        ordinal=ordinal, names=[b"%d" % ordinal], size_bytes=1, md5=bytes(16), sha1=bytes(20), sha256=bytes(32)
    )


def says(*messages: object):
    """Return workers that say the same, each message as Found, and then wait."""

    def script(_: Job) -> Script:
        for message in messages:
            if isinstance(message, type | LostWorkerError):
                raise message
            yield message
        raise TimedOutError

    return script


def in_turn(*scripts):
    """Return a first worker, a second one, …; the last one's like come ever after."""
    left = list(scripts)

    def script(job: Job) -> Script:
        return (left.pop(0) if len(left) > 1 else left[0])(job)

    return script


ONE_PICTURE = says(Found(what=PICTURE), Done())


def archive(**limits) -> Members:
    return Members(size_bytes=1, limits=Limits(**limits))


@dataclass
class Part:
    """One member, and what happens at each step of it; a step that works the second time has lost one worker."""

    taking: str = "works"
    content: str = "picture"
    full: str = "works"
    wanted: bool = True

    def step(self, name: str) -> bool:
        fate = getattr(self, name)
        if fate in ("dies", "dies once"):
            if fate == "dies once":
                setattr(self, name, "works")
            raise DiedError
        return fate != "refused"


def archive_worker(parts: list[Part]):
    def script(job: Job) -> Script:
        yield Found(what=ARCHIVE)
        for ordinal in range(job.start_at, len(parts)):
            part = parts[ordinal]
            if ordinal in job.skip:
                skipped = Problem(code="any", message="passed over")
                yield Found(what=MemberProblem(ordinal=ordinal, names=[b"%d" % ordinal], problem=skipped))
                continue
            if not part.step("taking"):
                yield Found(what=MemberProblem(ordinal=ordinal, names=[b"%d" % ordinal], problem=DAMAGED))
                continue
            reply = yield Found(what=member(ordinal), asks=True)
            if not reply.go_on:
                continue
            if part.content == "video":
                reply = yield Found(what=KEY, asks=True)
                if reply.go_on:
                    part.step("full")
                    yield Found(what=FULL)
            elif part.step("content"):
                yield Found(what=PICTURE)
        yield Done()

    return script


def expected(parts: list[Part]) -> list[object]:
    found: list[object] = [ARCHIVE]
    for ordinal, part in enumerate(parts):
        if part.taking in ("dies", "refused"):
            found.append(("problem", ordinal, "sandbox.worker-died" if part.taking == "dies" else "decode.damaged"))
            continue
        found.append(member(ordinal))
        if not part.wanted:
            continue
        if part.content == "video":
            found += [KEY, "shortened" if part.full == "dies" else FULL]
        else:
            found.append("sandbox.worker-died" if part.content == "dies" else PICTURE)
    return found


def described(found: list[object]) -> list[object]:
    def one(what: object) -> object:
        if isinstance(what, MemberProblem):
            return "problem", what.ordinal, what.problem.code
        if isinstance(what, Problem):
            return what.code
        return "shortened" if isinstance(what, Video) and what.shortened else what

    return [one(what) for what in found]
