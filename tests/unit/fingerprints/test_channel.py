# SPDX-License-Identifier: Apache-2.0
import os
import socket
import threading
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.fingerprints import channel
from vigie.fingerprints.channel import Channel, MalformedMessageError
from vigie.fingerprints.messages import Done, Found, Frame, Job, Other, Ready, Reply, ToParent, ToWorker, Value, Video

TO_PARENT, TO_WORKER = msgspec.msgpack.Decoder(ToParent), msgspec.msgpack.Decoder(ToWorker)


@pytest.fixture
def ends():
    """The parent's and the worker's end of one line, closed afterwards."""
    links = channel.pair()
    yield (
        Channel(links[0], incoming=TO_PARENT, takes_files=False),
        Channel(links[1], incoming=TO_WORKER, takes_files=True),
    )
    for link in links:
        link.close()


@pytest.fixture
def raw():
    """The parent's end, and the bare socket of a worker that says what it wants."""
    ours, theirs = channel.pair()
    with ours, theirs:
        yield Channel(ours, incoming=TO_PARENT, takes_files=False), theirs


def long_video() -> Video:
    frame = Frame(at_seconds=0, until_seconds=1, value=Value(turns=os.urandom(256), quality=1))
    return Video(format="mp4", width_px=1, height_px=1, duration_seconds=None, frames=[frame] * 20_000, full=True)


class TestChannel:
    def test_carries_messages_both_ways(self, ends):
        parent, worker = ends
        parent.send(Job(size_bytes=5, skip=[1, 2]))
        assert worker.receive() == Job(size_bytes=5, skip=[1, 2])
        worker.send(Found(what=Other(format="text")), Done())
        assert parent.receive(within_seconds=5) == Found(what=Other(format="text"))
        assert parent.receive(within_seconds=5) == Done()

    def test_carries_large_messages_whole(self, ends):
        parent, worker = ends
        found = Found(what=long_video())
        sender = threading.Thread(target=worker.send, args=(found, Done()))
        sender.start()
        assert parent.receive(within_seconds=30) == found
        assert parent.receive(within_seconds=30) == Done()
        sender.join()

    def test_carries_open_files_to_the_worker(self, ends, tmp_path):
        parent, worker = ends
        (tmp_path / "content").write_bytes(b"content")
        with (tmp_path / "content").open("rb") as one, (tmp_path / "content").open("rb") as other:
            parent.send(Job(size_bytes=7), descriptors=(one.fileno(), other.fileno()))
        worker.receive()
        taken = worker.take_descriptors()
        assert [os.pread(descriptor, 9, 0) for descriptor in taken] == [b"content"] * 2
        assert not any(os.get_inheritable(descriptor) for descriptor in taken)
        assert worker.take_descriptors() == []
        for descriptor in taken:
            os.close(descriptor)

    def test_drops_files_that_a_worker_sends(self, raw):
        parent, worker = raw
        before = len(list(Path("/proc/self/fd").iterdir()))
        body = msgspec.msgpack.encode(Done())
        socket.send_fds(worker, [len(body).to_bytes(4, "little") + body], [0])
        assert parent.receive(within_seconds=5) == Done()
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    def test_tells_when_the_other_end_is_gone(self, ends):
        parent, worker = ends
        parent.close()
        with pytest.raises(EOFError):
            worker.receive()

    def test_waits_for_a_time_only(self, ends):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            ends[0].receive(within_seconds=0.05)
        assert time.monotonic() - started < 5

    def test_waits_for_a_time_only_where_bytes_drip(self, raw):
        parent, worker = raw
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.02):
                worker.send(b"\1")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            with pytest.raises((TimeoutError, MalformedMessageError)):
                parent.receive(within_seconds=0.3)
        finally:
            stop.set()
            dripping.join()

    def test_refuses_to_wait_for_more_than_a_message(self, raw):
        parent, worker = raw
        worker.send((channel.MAX_MESSAGE_BYTES + 1).to_bytes(4, "little"))
        with pytest.raises(MalformedMessageError, match="at most"):
            parent.receive(within_seconds=5)

    def test_refuses_to_send_more_than_a_message(self, ends, monkeypatch):
        monkeypatch.setattr(channel, "MAX_MESSAGE_BYTES", 100)
        with pytest.raises(MalformedMessageError, match="at most"):
            ends[1].send(Found(what=long_video()))

    @pytest.mark.parametrize(
        "message",
        [
            Job(size_bytes=1),
            Reply(go_on=True),
            {"type": "found", "what": {"type": "picture"}},
            {"type": "ready", "confinement": "seccomp", "decoders": {}},
            {"type": "ready", "confinement": ["x" * 401], "decoders": {}},
            {"type": "unheard of"},
            ["found"],
            None,
        ],
    )
    def test_refuses_what_no_worker_says(self, raw, message):
        parent, worker = raw
        body = msgspec.msgpack.encode(message)
        worker.send(len(body).to_bytes(4, "little") + body)
        with pytest.raises(MalformedMessageError):
            parent.receive(within_seconds=5)

    @given(st.binary(max_size=200))
    def test_refuses_any_other_bytes(self, noise):
        ours, theirs = channel.pair()
        with ours, theirs:
            theirs.send(len(noise).to_bytes(4, "little") + noise)
            try:
                Channel(ours, incoming=TO_PARENT, takes_files=False).receive(within_seconds=5)
            except MalformedMessageError:
                return
        assert msgspec.msgpack.decode(noise, type=ToParent)

    def test_refuses_nesting_without_end(self, raw):
        parent, worker = raw
        noise = b"\x91" * 100_000
        worker.sendall(len(noise).to_bytes(4, "little") + noise)
        with pytest.raises(MalformedMessageError):
            parent.receive(within_seconds=5)

    def test_accepts_what_a_worker_says(self, raw):
        parent, worker = raw
        body = msgspec.msgpack.encode(Ready(confinement=["seccomp"], decoders={"one": "1"}))
        for byte in len(body).to_bytes(4, "little") + body:
            worker.send(bytes([byte]))
        assert parent.receive(within_seconds=5) == Ready(confinement=["seccomp"], decoders={"one": "1"})


class TestPair:
    def test_is_not_inherited(self):
        ours, theirs = channel.pair()
        with ours, theirs:
            assert not ours.get_inheritable()
            assert not theirs.get_inheritable()
