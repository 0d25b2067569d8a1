"""The same thing is said so many times a minute, and how often it was not is said afterwards."""

from __future__ import annotations

import threading

from amira_core.repeats import Repeats


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_name_has_a_minute_of_its_own() -> None:
    clock = Clock()
    repeats = Repeats(2, clock)
    assert [repeats.pass_on("a") for _ in range(4)] == [True, True, False, False]
    assert repeats.pass_on("b")
    assert repeats.take_report(finished=True) == []
    clock.now += 59.9
    assert not repeats.pass_on("a")
    clock.now += 0.1
    assert repeats.pass_on("a")
    assert repeats.take_report(finished=True) == [("a", 3)]
    assert repeats.take_report(finished=True) == []
    assert repeats.dropped == 3


def test_a_name_that_is_not_heard_of_again_is_reported_too() -> None:
    clock = Clock()
    repeats = Repeats(1, clock)
    for _ in range(5):
        repeats.pass_on("a")
    clock.now += 60
    assert repeats.pass_on("b")
    assert repeats.take_report(finished=True) == [("a", 4)]


def test_the_last_report_does_not_wait_for_the_minute() -> None:
    repeats = Repeats(1, Clock())
    for _ in range(3):
        repeats.pass_on("a")
    assert repeats.take_report(finished=False) == [("a", 2)]
    assert repeats.take_report(finished=False) == []


def test_without_a_bound_all_pass() -> None:
    repeats = Repeats(0, Clock())
    assert all(repeats.pass_on("a") for _ in range(10_000))


def test_names_without_end_do_not_fill_the_memory() -> None:
    clock = Clock()
    repeats = Repeats(1, clock)
    for index in range(5000):
        repeats.pass_on(str(index))
        clock.now += 1
    assert len(repeats._minutes) <= 1100


def test_threads_do_not_let_more_through() -> None:
    repeats = Repeats(100, Clock())
    passed: list[bool] = []

    def say() -> None:
        passed.extend([repeats.pass_on("a") for _ in range(500)])

    threads = [threading.Thread(target=say) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 100
    assert repeats.dropped == 1900
