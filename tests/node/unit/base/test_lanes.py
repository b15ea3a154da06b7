# SPDX-License-Identifier: Apache-2.0
"""A lane holds so many at work and so many who wait; whoever comes beyond is told at once."""

import threading
import time

import pytest

from vigie_node.base.lanes import Lane


class FullError(Exception):
    pass


class Worker(threading.Thread):
    """Somebody who works in a lane until told to end."""

    def __init__(self, lane):
        super().__init__(daemon=True)
        self.lane, self.working, self.end, self.was_refused = lane, threading.Event(), threading.Event(), False
        self.start()

    def run(self):
        try:
            with self.lane.held():
                self.working.set()
                self.end.wait(10)
        except FullError:
            self.was_refused = True


def lane(**options):
    return Lane(**{"at_once": 1, "waiting": 1, "wait_seconds": 10.0, "full": FullError, **options})


def wait_for(condition):
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


class TestLane:
    @pytest.mark.parametrize(("at_once", "waiting"), [(1, 0), (1, 1), (2, 2), (3, 0)])
    def test_holds_so_many_and_refuses_the_next_at_once(self, at_once, waiting):
        of_them = lane(at_once=at_once, waiting=waiting)
        workers = [Worker(of_them) for _ in range(at_once + waiting)]
        wait_for(lambda: of_them._places._value == 0)
        wait_for(lambda: sum(one.working.is_set() for one in workers) == at_once)
        with pytest.raises(FullError), of_them.held():
            pass
        for one in workers:
            one.end.set()
        for one in workers:
            one.join(5)
        assert all(one.working.is_set() and not one.was_refused for one in workers)

    def test_lets_the_next_one_work_when_a_place_is_free(self):
        of_them = lane()
        first = Worker(of_them)
        wait_for(first.working.is_set)
        second = Worker(of_them)
        assert not second.working.wait(0.1)
        first.end.set()
        assert second.working.wait(5)
        second.end.set()

    def test_refuses_who_waited_too_long(self):
        of_them = lane(wait_seconds=0.05)
        first = Worker(of_them)
        wait_for(first.working.is_set)
        second = Worker(of_them)
        second.join(5)
        assert second.was_refused
        first.end.set()

    def test_is_free_again_after_an_error(self):
        of_them = lane(waiting=0)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError), of_them.held():
                raise ZeroDivisionError
        with of_them.held():
            pass
