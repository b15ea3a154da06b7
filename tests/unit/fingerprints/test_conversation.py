# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from unit.fingerprints.scripted import (
    ARCHIVE,
    DAMAGED,
    FULL,
    FULL_MEMORY,
    KEY,
    ONE_PICTURE,
    PICTURE,
    Part,
    Script,
    ScriptedWorker,
    archive,
    archive_worker,
    described,
    expected,
    in_turn,
    member,
    picture_file,
    run,
    says,
    video_file,
)
from vigie.fingerprints.messages import Done, Found, Job, Member, MemberProblem, Other, Ready
from vigie.fingerprints.sandbox import DiedError, ForbiddenCallError, ProtocolError, TimedOutError


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

    @pytest.mark.parametrize(("files", "expected"), [(0, FULL_MEMORY), (7, PICTURE)])
    def test_is_tried_once_more_where_a_used_worker_has_no_memory_left(self, files, expected):
        worker = in_turn(says(Found(what=FULL_MEMORY), Done()), ONE_PICTURE)
        assert run(picture_file(), worker, files=files) == [expected]

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
