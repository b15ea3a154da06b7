# SPDX-License-Identifier: Apache-2.0
"""Real processes, really confined, with staged decoders that do on command what hostile files make real ones do."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from vigie.fingerprints import sandbox
from vigie.fingerprints.decode import seccomp
from vigie.fingerprints.decode.kinds import Role
from vigie.fingerprints.hashing import Examiner, hash_file
from vigie.fingerprints.messages import Archive, Member, MemberProblem, Other, Picture, Problem, Video
from vigie.fingerprints.values import Digests

pytestmark = pytest.mark.skipif(not seccomp.is_supported(), reason="confinement needs Linux on x86-64 or aarch64")

PICTURE, VIDEO, ARCHIVE = b"\xff\xd8\xff:", b"FLV\x01:", b"PK\x03\x04"
STAGED = f"import sys; sys.path[:] = [*sys.argv[6:], {str(Path(__file__).parent)!r}]; import staged_decoders; "
MEMORY = dict.fromkeys(Role, 512 * 1024**2)


_STRANGERS: set[int] = set()


@pytest.fixture(autouse=True)
def strangers():
    """Tell the workers of a test from those that other tests have left to this process."""
    _STRANGERS.clear()
    _STRANGERS.update(children())


@pytest.fixture
def staged(monkeypatch):
    """Start workers with the staged decoders in them."""
    monkeypatch.setattr(sandbox, "BOOT", STAGED + sandbox.BOOT)


@pytest.fixture
def examine(staged, tmp_path):
    """Examine content, through one examiner for the whole test."""
    with contextlib.ExitStack() as stack:
        examiners = {}

        def run(content: bytes, *, limits: sandbox.Limits | None = None, **options):
            if id(limits) not in examiners:
                examiners[id(limits)] = stack.enter_context(Examiner(limits=limits))
            path = tmp_path / "content"
            path.write_bytes(content)
            with path.open("rb") as file:
                return list(examiners[id(limits)].examine(file.fileno(), size_bytes=len(content), **options))

        yield run


def limits(**options) -> sandbox.Limits:
    return sandbox.Limits(**{"memory_bytes": MEMORY, "picture_seconds": 20.0, **options})


def word(what: Picture) -> bytes:
    return what.stored.pdq.rstrip(b"\0")


def archive(*members: tuple[str, bytes]) -> bytes:
    return ARCHIVE + json.dumps([[taking, body.decode("latin-1")] for taking, body in members]).encode("latin-1")


class TestExamine:
    def test_delivers_a_picture(self, examine):
        (found,) = examine(PICTURE + b"one")
        assert word(found) == b"one"

    def test_uses_a_worker_again(self, examine):
        ours = limits()
        for name in (b"one", b"two", b"three"):
            assert word(examine(PICTURE + name, limits=ours)[0]) == name

    def test_starts_no_worker_for_what_is_no_media(self, examine, monkeypatch):
        monkeypatch.setattr(sandbox.subprocess, "Popen", None)
        assert examine(b"only words") == [Other(format=None)]
        assert examine(b"") == [Other(format=None)]
        assert examine(b"%PDF-1.7")[0].code == "decode.container-not-supported"

    def test_passes_large_answers(self, examine):
        first, last = examine(VIDEO + b"long", enough=lambda _: False)
        assert [(len(v.frames), v.full) for v in (first, last)] == [(20_000, False), (20_000, True)]

    def test_makes_the_full_pass_where_it_is_wanted(self, examine):
        asked = []
        found = examine(VIDEO + b"key,full", enough=lambda video: asked.append(video.full))
        assert ([v.full for v in found], asked) == ([False, True], [False])
        assert [v.full for v in examine(VIDEO + b"key,full")] == [False]
        assert [v.full for v in examine(VIDEO + b"key,full", full=True)] == [True]

    def test_keeps_the_key_pass_where_the_full_pass_crashes(self, examine):
        first, last = examine(VIDEO + b"key,crash", enough=lambda _: False)
        assert first.shortened is None
        assert (last.full, last.frames) == (False, first.frames)
        assert "crashed" in last.shortened

    def test_costs_one_file_where_the_worker_is_lost(self, examine):
        ours = limits()
        for deed, code in (
            (b"crash", "sandbox.worker-died"),
            (b"exit", "sandbox.worker-died"),
            (b"run", "sandbox.forbidden-call"),
            (b"call", "sandbox.forbidden-call"),
            (b"babble", "sandbox.protocol"),
            (b"boast", "sandbox.protocol"),
        ):
            (problem,) = examine(PICTURE + deed, limits=ours)
            assert (problem.code, problem.kind, problem.examined) == (code, "picture", True)
            assert word(examine(PICTURE + b"fine", limits=ours)[0]) == b"fine"

    def test_costs_one_file_where_the_decoder_fails(self, examine):
        ours = limits()
        for deed, code in ((b"fail", "decode.failed"), (b"eat", "decode.memory-limit"), (b"kill", "decode.failed")):
            (problem,) = examine(PICTURE + deed, limits=ours)
            assert (problem.code, problem.kind) == (code, "picture")
        assert word(examine(PICTURE + b"fine", limits=ours)[0]) == b"fine"

    @pytest.mark.parametrize("deed", [b"hang", b"sleep"])
    def test_ends_a_worker_that_does_not_answer(self, examine, deed):
        started = time.monotonic()
        (problem,) = examine(PICTURE + deed, limits=limits(picture_seconds=0.5))
        assert problem.code == "sandbox.timed-out"
        assert 1.0 < time.monotonic() - started < 20

    def test_tries_once_more_after_a_kill(self, examine):
        ours, killed = limits(), []
        examine(PICTURE + b"one", limits=ours)  # so that the worker is there and ready

        def kill() -> None:
            time.sleep(0.3)
            killed.extend(workers())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        (found,) = examine(PICTURE + b"nap", limits=ours)
        killer.join()
        assert word(found) == b"nap"
        assert len(killed) == 1
        assert killed != workers()


def workers() -> list[int]:
    """Return the living children of this process that the test has started."""
    return sorted(children() - _STRANGERS)


def children() -> set[int]:
    return {
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
        if b"vigie" in Path(f"/proc/{pid}/cmdline").read_bytes()
    }


class TestArchives:
    def test_are_delivered_in_order(self, examine):
        found = examine(archive(("", PICTURE + b"one"), ("", b"words"), ("", VIDEO + b"two"), ("", b"Rar!\x1a\x07\0")))
        assert [type(what) for what in found] == [
            Archive,
            Member,
            Picture,
            Member,
            Other,
            Member,
            Video,
            Member,
            Problem,
        ]

    def test_are_not_opened_where_they_should_not_be(self, examine):
        assert examine(archive(("", PICTURE + b"one")), open_archives=False) == [Other(format="zip")]

    def test_deliver_only_what_is_wanted(self, examine):
        content = archive(*[("", PICTURE + b"%d" % n) for n in range(4)])
        found = examine(content, wants=lambda member: member.ordinal % 2 == 1)
        assert [type(what) for what in found] == [Archive, Member, Member, Picture, Member, Member, Picture]

    def test_lose_only_what_breaks_the_worker(self, examine):
        content = archive(
            ("", PICTURE + b"one"), ("", PICTURE + b"crash"), ("crash", PICTURE + b"two"), ("", PICTURE + b"three")
        )
        kinds = examine(content)
        assert [type(what) for what in kinds] == [
            Archive,
            Member,
            Picture,
            Member,
            Problem,
            MemberProblem,
            Member,
            Picture,
        ]
        assert [what.ordinal for what in kinds if isinstance(what, Member | MemberProblem)] == [0, 1, 2, 3]
        assert kinds[4].code == kinds[5].problem.code == "sandbox.worker-died"
        assert (kinds[5].names, kinds[5].rest) == ([b"2"], False)

    def test_say_what_is_unseen_where_an_opener_fails(self, examine):
        found = examine(archive(("", PICTURE + b"one"), ("fail", b"")))
        assert (found[-1].rest, found[-1].ordinal, found[-1].problem.code) == (True, 1, "decode.failed")

    def test_get_room_for_what_they_unpack(self, examine):
        assert len(examine(archive(("", b"words")), limits=limits(scratch_bytes=8))) == 3


class TestWorkers:
    def test_are_replaced_after_a_number_of_files(self, examine):
        seen, ours = set(), limits(worker_files=2)
        for _ in range(5):
            examine(PICTURE + b"one", limits=ours)
            seen.update(workers())
        assert len(seen) == 3

    def test_are_replaced_when_they_have_grown(self, examine):
        seen, ours = set(), limits(worker_resident_bytes=1)
        for _ in range(3):
            examine(PICTURE + b"one", limits=ours)
            seen.update(workers())
        assert len(seen) == 3

    def test_are_replaced_where_they_died_between_files(self, examine):
        ours = limits()
        examine(PICTURE + b"one", limits=ours)
        os.kill(workers()[0], signal.SIGKILL)
        assert word(examine(PICTURE + b"two", limits=ours)[0]) == b"two"

    def test_are_gone_when_the_examiner_is_closed(self, staged, tmp_path):
        path = tmp_path / "content"
        path.write_bytes(PICTURE + b"one")
        with Examiner() as examiner:
            hash_file(path, examiner=examiner)
            (pid,) = workers()
        assert not Path(f"/proc/{pid}").exists()

    def test_are_not_used_again_where_a_conversation_was_broken_off(self, staged, tmp_path):
        path = tmp_path / "content"
        path.write_bytes(VIDEO + b"key,full")
        with Examiner() as examiner, path.open("rb") as file:
            for _ in examiner.examine(file.fileno(), size_bytes=12, enough=lambda _: False):
                break
            assert workers() == []
            assert len(list(examiner.examine(file.fileno(), size_bytes=12))) == 1

    def test_leave_no_open_file_behind(self, examine):
        ours = limits(worker_files=50)
        contents = [PICTURE + b"one", PICTURE + b"fail", VIDEO + b"key,full", archive(("", PICTURE + b"one"))]
        for content in contents:
            examine(content, limits=ours, enough=lambda _: False)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for round_ in range(200):
            examine(contents[round_ % 4], limits=ours, enough=lambda _: False)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        for pid in workers():
            if os.access(f"/proc/{pid}/fd", os.R_OK):
                assert len(list(Path(f"/proc/{pid}/fd").iterdir())) <= 5

    def test_of_many_examiners_work_side_by_side(self, staged, tmp_path):
        words = {}

        def work(name: str) -> None:
            path = tmp_path / name
            path.write_bytes(PICTURE + name.encode())
            with Examiner() as examiner:
                words[name] = {hash_file(path, examiner=examiner).pdq for _ in range(20)}

        threads = [threading.Thread(target=work, args=(f"thread-{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert words == {name: {name.encode().ljust(32, b"\0")} for name in words}
        assert len(words) == 4

    def test_die_with_their_parent_at_ctrl_c(self, tmp_path):
        script = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it
sys.path[:] = {[*sandbox.import_path(), str(Path(__file__).parent)]!r}
from vigie.fingerprints import hashing, sandbox
sandbox.BOOT = {STAGED!r} + sandbox.BOOT
try:
    with hashing.Examiner() as examiner:
        examiner.confinement
        print(examiner._idle[hashing.Role.PICTURES]._process.pid, flush=True)
        hashing.hash_file(sys.argv[1], examiner=examiner)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
        path = tmp_path / "content"
        path.write_bytes(PICTURE + b"sleep")
        parent = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.send_signal(signal.SIGINT)
        said, complained = parent.communicate(timeout=20)
        assert (said, complained, parent.returncode) == (b"interrupted\n", b"", 0)
        assert not Path(f"/proc/{pid}").exists()


class TestConfinement:
    def test_is_told(self, staged):
        with Examiner() as examiner:
            assert {"seccomp", "rlimits", "no-new-privileges"} <= set(examiner.confinement)

    def test_is_needed(self, monkeypatch):
        weak = "from vigie.fingerprints.decode import confine; confine.lock = lambda *_, **__: ('rlimits',); "
        monkeypatch.setattr(sandbox, "BOOT", STAGED + weak + sandbox.BOOT)
        with Examiner() as examiner, pytest.raises(sandbox.UnconfinedError, match="seccomp"):
            _ = examiner.confinement
        with Examiner(allow_unconfined=True) as examiner:
            assert examiner.confinement == ("rlimits",)

    @pytest.mark.parametrize(
        "boot", ["raise SystemExit('no such decoder')", "import time; time.sleep(60)", "import no_such"]
    )
    def test_is_refused_where_the_worker_does_not_start(self, monkeypatch, boot):
        monkeypatch.setattr(sandbox, "BOOT", boot)
        with Examiner(limits=limits(start_seconds=0.5)) as examiner, pytest.raises(sandbox.StartFailedError) as raised:
            _ = examiner.confinement
        assert "did not start" in str(raised.value)
        assert workers() == []

    def test_lets_nothing_be_imported_any_more(self, examine):
        (problem,) = examine(PICTURE + b"import")
        assert problem.code == "decode.failed"


class TestHashFile:
    def test_gives_the_fingerprints_of_a_picture(self, staged, tmp_path):
        path = tmp_path / "content"
        path.write_bytes(PICTURE + b"one")
        with Examiner() as examiner:
            found = hash_file(path, examiner=examiner)
        assert (found.kind, found.size_bytes, found.pdq_quality, found.problem) == ("picture", 7, 50, None)
        assert found.pdq == b"one".ljust(32, b"\0")
        assert found.recipe
        assert len(found.digests.sha256) == 32

    def test_gives_the_digests_of_what_is_not_decoded(self, staged, tmp_path):
        path = tmp_path / "content"
        path.write_bytes(b"")
        with Examiner() as examiner:
            found = hash_file(path, examiner=examiner)
        assert (found.kind, found.size_bytes, found.digests, found.recipe) == ("other", 0, Digests.EMPTY, None)

    def test_gives_digests_beside_a_problem(self, staged, tmp_path):
        path = tmp_path / "content"
        path.write_bytes(PICTURE + b"fail")
        with Examiner() as examiner:
            found = hash_file(path, examiner=examiner)
        assert (found.kind, found.problem.code, found.pdq) == ("picture", "decode.failed", None)
        assert found.digests

    def test_gives_the_frames_of_the_last_pass(self, staged, tmp_path):
        path = tmp_path / "content"
        path.write_bytes(VIDEO + b"key,full")
        with Examiner() as examiner:
            quick, full = (hash_file(path, examiner=examiner, full=full) for full in (False, True))
        assert [found.frames[0].value.pdq.rstrip(b"\0") for found in (quick, full)] == [b"key", b"full"]
        assert (quick.kind, quick.problem) == ("video", None)

    def test_says_what_cannot_be_opened(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "link").symlink_to(tmp_path / "fifo")
        with Examiner() as examiner:
            codes = [hash_file(tmp_path / n, examiner=examiner).problem.code for n in ("fifo", "link", "absent", ".")]
        regular = "source.not-a-regular-file"
        assert codes == [regular, regular, "source.missing", regular]

    def test_says_that_a_file_changed(self, staged, tmp_path, monkeypatch):
        path = tmp_path / "content"
        path.write_bytes(PICTURE + b"one")
        with Examiner() as examiner:
            examined = examiner.examine

            def examine(*arguments, **options):
                path.write_bytes(PICTURE + b"another")
                return examined(*arguments, **options)

            monkeypatch.setattr(examiner, "examine", examine)
            assert hash_file(path, examiner=examiner).problem.code == "source.changed-while-read"
