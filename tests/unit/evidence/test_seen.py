# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from vigie.evidence.ledger import Ledger
from vigie.evidence.seen import Memory, SeenContents

CONTENT = b"c" * 32


@pytest.fixture
def book(tmp_path):
    with Ledger(tmp_path, identity={}, started_at="") as opened:
        yield opened


@pytest.fixture
def memories(book):
    shared, readers = SeenContents(), [book.reader() for _ in range(3)]
    yield [Memory(shared, reader=reader) for reader in readers]
    for reader in readers:
        reader.close()


class TestMemory:
    def test_who_asks_first_has_it_to_examine(self, memories):
        assert memories[0].recall(CONTENT) is None
        memories[0].learn(CONTENT, statement=b"{}")
        assert memories[1].recall(CONTENT) == b"{}"
        assert memories[0].learnt == [(CONTENT, b"{}")]
        assert memories[1].learnt == []

    def test_who_asks_meanwhile_waits_for_the_answer(self, memories):
        assert memories[0].recall(CONTENT) is None
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(memories[1].recall(CONTENT)))
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        memories[0].learn(CONTENT, statement=b"{}")
        waiting.join(10)
        assert answers == [b"{}"]

    def test_where_nothing_was_learnt_exactly_one_of_the_waiting_has_it_next(self, memories):
        assert memories[0].recall(CONTENT) is None
        answers = []

        def ask(memory):
            answer = memory.recall(CONTENT)
            answers.append(answer)
            if answer is None:
                memory.learn(CONTENT, statement=b"{}")

        waiting = [threading.Thread(target=ask, args=(memory,)) for memory in memories[1:]]
        for thread in waiting:
            thread.start()
        memories[0].release(CONTENT)
        for thread in waiting:
            thread.join(10)
        assert sorted(answers, key=str) == [None, b"{}"] or sorted(answers, key=str) == [b"{}", None]

    def test_what_the_ledger_holds_is_found_after_it_was_forgotten(self, memories, book):
        shared = memories[0]._shared
        memories[0].recall(CONTENT)
        memories[0].learn(CONTENT, statement=b"{}")
        book.stage(1, number=0, lines=b"", contents=memories[0].learnt)
        shared.forget([CONTENT])
        assert memories[1].recall(CONTENT) == b"{}"
        assert memories[2].recall(CONTENT) == b"{}"
