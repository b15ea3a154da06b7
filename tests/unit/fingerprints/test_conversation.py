# SPDX-License-Identifier: Apache-2.0
from collections.abc import Generator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    Other,
    Picture,
    Problem,
    Ready,
    Value,
    Video,
)
from vigie.fingerprints.sandbox import (
    DiedError,
    ForbiddenCallError,
    Limits,
    LostWorkerError,
    ProtocolError,
    TimedOutError,
)

VALUE = Value(turns=bytes(256), quality=100)
PICTURE = Picture(format="jpeg", width_px=8, height_px=8, stored=VALUE)
FRAME = Frame(at_seconds=0, until_seconds=1, value=VALUE)
KEY = Video(format="mp4", width_px=8, height_px=8, duration_seconds=2, frames=[FRAME], full=False)
FULL = structs.replace(KEY, frames=[FRAME, FRAME], full=True)
DAMAGED = Problem(code="decode.damaged", message="it is damaged", kind="video")
ARCHIVE = Archive(format="zip")

Script = Generator[object, object, None]


class ScriptedWorker:
    """Says what its script yields, gives it what it is told, and is lost where the script raises."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._told: object = None

    def send(self, message, *, descriptors=()):
        self._told = message

    def receive(self, *, within_seconds):
        told, self._told = self._told, None
        return self._script.send(told)


def run(talk, script_for, *, wants=lambda _: True, enough=lambda _: True) -> list[object]:
    """Carry a conversation through as many workers as it takes, as the examiner does."""
    found, workers = [], 0
    while not talk.is_over:
        workers += 1
        assert workers < 200
        worker = ScriptedWorker(script_for(talk.job()))
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


class TestOnePicture:
    def test_is_delivered(self):
        assert run(picture_file(), ONE_PICTURE) == [PICTURE]

    @pytest.mark.parametrize("loss", [DiedError, TimedOutError, ForbiddenCallError])
    def test_is_tried_once_more_in_a_new_worker(self, loss):
        assert run(picture_file(), in_turn(says(loss), ONE_PICTURE)) == [PICTURE]

    @pytest.mark.parametrize("loss", [DiedError, TimedOutError, ForbiddenCallError])
    def test_is_a_problem_after_two_workers(self, loss):
        (problem,) = run(picture_file(), says(loss))
        assert (problem.code, problem.kind, problem.examined) == (loss.code, "picture", True)

    def test_is_a_problem_at_once_where_the_worker_spoke_out_of_order(self):
        (problem,) = run(picture_file(), in_turn(says(Done()), ONE_PICTURE))
        assert problem.code == "sandbox.protocol"

    def test_stays_delivered_where_the_worker_is_lost_behind_it(self):
        assert run(picture_file(), says(Found(what=PICTURE), DiedError)) == [PICTURE]


class TestOneVideo:
    @staticmethod
    def worker(job: Job, *, last: object = FULL) -> Script:
        if job.frames_full:
            yield Found(what=last)
        else:
            reply = yield Found(what=KEY, asks=True)
            if reply.go_on:
                yield Found(what=last)
        yield Done()

    @classmethod
    def dies_in_the_full_pass(cls, job: Job) -> Script:
        if not job.frames_full:
            yield Found(what=KEY, asks=True)
        raise DiedError

    def test_is_seen_quickly_where_that_is_enough(self):
        assert run(video_file(), self.worker) == [KEY]

    def test_is_seen_in_full_where_it_is_not(self):
        assert run(video_file(), self.worker, enough=lambda _: False) == [KEY, FULL]

    def test_is_seen_in_full_at_once_where_that_is_asked_for(self):
        assert run(video_file(full=True), self.worker) == [FULL]

    def test_is_not_seen_quickly_twice(self):
        workers = in_turn(self.dies_in_the_full_pass, self.worker)
        assert run(video_file(), workers, enough=lambda _: False) == [KEY, FULL]

    def test_keeps_its_key_pass_where_the_full_pass_costs_two_workers(self):
        first, last = run(video_file(), self.dies_in_the_full_pass, enough=lambda _: False)
        assert first == KEY
        assert last == structs.replace(KEY, shortened=last.shortened)
        assert "crashed" in last.shortened

    @pytest.mark.parametrize("what", [DAMAGED, Other(format="mp4")])
    def test_keeps_its_key_pass_where_the_full_pass_finds_nothing(self, what):
        def worker(job: Job) -> Script:
            return self.worker(job, last=what)

        first, last = run(video_file(), worker, enough=lambda _: False)
        assert first == KEY
        assert last.shortened.startswith("the full pass failed")

    def test_is_told_by_its_problem_where_there_was_no_key_pass(self):
        assert run(video_file(), says(Found(what=DAMAGED), Done())) == [DAMAGED]


OUT_OF_ORDER = {
    "says it is ready": [Ready(confinement=[], decoders={})],
    "ends without an answer": [Done()],
    "answers twice": [Found(what=PICTURE), Found(what=PICTURE)],
    "asks about a picture": [Found(what=PICTURE, asks=True)],
    "answers with a video": [Found(what=FULL)],
    "answers with an archive": [Found(what=ARCHIVE)],
    "answers with a member": [Found(what=member(0), asks=True)],
}
OUT_OF_ORDER_VIDEO = {
    "does not ask after the key pass": [Found(what=KEY)],
    "asks after the full pass": [Found(what=FULL, asks=True)],
    "answers with a picture": [Found(what=PICTURE)],
    "makes two key passes": [Found(what=KEY, asks=True), Found(what=KEY, asks=True)],
}
OUT_OF_ORDER_ARCHIVE = {
    "answers with a picture": [Found(what=PICTURE)],
    "ends without an answer": [Done()],
    "announces itself twice": [Found(what=ARCHIVE), Found(what=ARCHIVE)],
    "does not ask about a member": [Found(what=ARCHIVE), Found(what=member(0))],
    "asks about a problem": [Found(what=MemberProblem(ordinal=0, names=[], problem=DAMAGED), asks=True)],
    "says a member twice": [Found(what=ARCHIVE), *[Found(what=member(0), asks=True), Found(what=PICTURE)] * 2],
    "goes back": [
        Found(what=ARCHIVE),
        *[Found(what=member(0), asks=True), Found(what=PICTURE)],
        *[Found(what=member(1), asks=True), Found(what=PICTURE)],
        Found(what=member(0), asks=True),
    ],
    "leaves a member out": [Found(what=ARCHIVE), Found(what=member(1), asks=True)],
    "leaves a member's content out": [Found(what=ARCHIVE), Found(what=member(0), asks=True), Done()],
    "has a member in a member": [Found(what=ARCHIVE), *[Found(what=member(0), asks=True)] * 2],
}


class TestOrder:
    @pytest.mark.parametrize("messages", OUT_OF_ORDER.values(), ids=OUT_OF_ORDER)
    def test_is_kept_by_a_worker_that_opens_a_picture_or(self, messages):
        with pytest.raises(ProtocolError):
            list(picture_file().hear(ScriptedWorker(says(*messages)(Job(size_bytes=1))), wants=None, enough=None))

    @pytest.mark.parametrize("messages", OUT_OF_ORDER_VIDEO.values(), ids=OUT_OF_ORDER_VIDEO)
    def test_is_kept_by_a_worker_that_opens_a_video_or(self, messages):
        worker = ScriptedWorker(says(*messages)(Job(size_bytes=1)))
        with pytest.raises(ProtocolError):
            list(video_file().hear(worker, wants=None, enough=lambda _: False))

    @pytest.mark.parametrize("messages", OUT_OF_ORDER_ARCHIVE.values(), ids=OUT_OF_ORDER_ARCHIVE)
    def test_is_kept_by_a_worker_that_opens_an_archive_or(self, messages):
        worker = ScriptedWorker(says(*messages)(Job(size_bytes=1)))
        with pytest.raises(ProtocolError):
            list(archive().hear(worker, wants=lambda _: True, enough=lambda _: False))


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


STEPS = st.sampled_from(["works", "works", "works", "dies", "dies once"])
PARTS = st.lists(
    st.builds(
        Part,
        taking=st.sampled_from(["works", "works", "works", "refused", "dies", "dies once"]),
        content=st.sampled_from(["picture", "picture", "video", "dies", "dies once"]),
        full=STEPS,
        wanted=st.booleans(),
    ),
    max_size=8,
)


class TestMembers:
    @given(PARTS)
    def test_are_delivered_once_each_whatever_dies(self, parts):
        wanted, should = [part.wanted for part in parts], expected(parts)
        found = run(
            archive(max_archive_losses=1000),
            archive_worker(parts),
            wants=lambda one: wanted[one.ordinal],
            enough=lambda _: False,
        )
        assert described(found) == should

    def test_keep_their_names_where_they_are_passed_over(self):
        found = run(archive(), archive_worker([Part(), Part(taking="dies"), Part()]))
        problem = found[3]
        assert (problem.names, problem.ordinal, problem.rest) == ([b"1"], 1, False)

    def test_are_not_asked_for_again_where_they_are_not_wanted(self):
        asked = []
        run(
            archive(),
            archive_worker([Part(), Part(content="dies once"), Part(taking="dies once")]),
            wants=lambda one: asked.append(one.ordinal) or True,
        )
        assert asked == [0, 1, 2]

    def test_are_given_up_after_too_many_losses(self):
        parts = [Part(content="dies") for _ in range(9)]
        *found, rest = run(archive(max_archive_losses=5), archive_worker(parts))
        assert [what.ordinal for what in found if isinstance(what, Member)] == [0, 1, 2]
        assert (rest.rest, rest.ordinal, rest.problem.code) == (True, 3, "sandbox.worker-died")

    def test_are_given_up_where_passing_over_does_not_help(self):
        def worker(job: Job) -> Script:
            yield Found(what=ARCHIVE)
            if job.start_at == 0:
                yield Found(what=member(0), asks=True)
                yield Found(what=PICTURE)
            raise TimedOutError

        found = run(archive(), worker)
        assert found[:3] == [ARCHIVE, member(0), PICTURE]
        assert [(what.ordinal, what.rest) for what in found[3:]] == [(1, True)]

    def test_are_unseen_where_the_archive_itself_cannot_be_opened(self):
        (problem,) = run(archive(), says(DiedError))
        assert (problem.code, problem.kind) == ("sandbox.worker-died", "other")

    def test_end_where_the_worker_spoke_out_of_order(self):
        messages = [Found(what=ARCHIVE), Found(what=member(0), asks=True), Found(what=ARCHIVE)]
        found = run(archive(), says(*messages))
        assert found[:2] == [ARCHIVE, member(0)]
        assert [what.code for what in found[2:3]] == ["sandbox.protocol"]
        assert (found[3].rest, found[3].problem.code) == (True, "sandbox.protocol")

    def test_may_end_before_the_archive_does(self):
        rest = MemberProblem(ordinal=0, names=[], problem=DAMAGED, rest=True)
        assert run(archive(), says(Found(what=ARCHIVE), Found(what=rest), Done())) == [ARCHIVE, rest]

    def test_go_on_after_an_archive_in_it_that_was_not_seen_to_its_end(self):
        def worker(job: Job) -> Script:
            yield Found(what=ARCHIVE)
            if job.start_at == 0:
                yield Found(what=rest)
                raise DiedError
            yield Found(what=member(1), asks=True)
            yield Found(what=PICTURE)
            yield Done()

        rest = MemberProblem(ordinal=0, names=[b"inner.zip"], problem=DAMAGED, rest=True)
        assert run(archive(), worker) == [ARCHIVE, rest, member(1), PICTURE]

    def test_are_so_many_at_most(self):
        found = run(archive(max_members=2), archive_worker([Part()] * 3))
        assert (found[-1].ordinal, found[-1].rest, found[-1].problem.code) == (2, True, "sandbox.protocol")

    def test_may_be_none(self):
        assert run(archive(), archive_worker([])) == [ARCHIVE]
