"""Who is taken in."""

from __future__ import annotations

import itertools

from amira_core.errors import NoCapacityError
from amira_decoder.load import LoadAdmission, LoadMeter
from tests.decoder.load.test_cost_and_load import Clock

CHUNK_S = 0.32


class Bench:
    """A decoder whose encoder takes `row_s` per row."""

    def __init__(self, row_s: float, target: float = 0.7, untried: int = 8) -> None:
        self.clock = Clock()
        self.row_s = row_s
        self.meter = LoadMeter(self.clock)
        self.meter.begin(CHUNK_S)
        self.door = LoadAdmission(self.meter, target, untried)
        self.streams = 0
        self.retries_ms: list[int] = []
        self._numbers = itertools.count()

    def decode(self, seconds: float) -> None:
        """Every stream speaks; their chunks come in two batches."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            for rows in (self.streams // 3, self.streams - self.streams // 3):
                self.clock.now += CHUNK_S / 2
                if rows:
                    self.meter.encoded(rows, rows * self.row_s)

    def offer(self, count: int) -> int:
        """How many of so many get in."""
        before = self.streams
        for _ in range(count):
            try:
                self.door.check(self.streams)
            except NoCapacityError as refusal:
                self.retries_ms.append(refusal.retry_after_ms or 0)
            else:
                self.streams += 1
                self.door.opened(str(next(self._numbers)))
        return self.streams - before


def test_streams_are_taken_up_to_the_target() -> None:
    bench = Bench(row_s=0.01)  # 32 streams are all of its time
    for _ in range(20):
        bench.offer(100)
        bench.decode(1.0)
    assert bench.streams == 22
    assert bench.meter.load(bench.streams) <= 0.7
    assert bench.door.refusals["load"] > 0
    assert 1000 <= min(bench.retries_ms) < max(bench.retries_ms) <= 2000  # not all at the same moment


def test_a_burst_is_taken_in_steps() -> None:
    bench = Bench(row_s=0.0001)
    taken = []
    for _ in range(4):
        taken.append(bench.offer(100))
        bench.decode(3.0)
    assert taken[0] == 8
    assert 12 <= taken[1] <= 17  # as many as are decoded, on the average of some seconds, and eight
    assert bench.streams > 60
    assert bench.door.refusals["load"] == 0
    assert bench.door.refusals["untried"] > 0


def test_a_door_that_was_shut_opens_a_little_later() -> None:
    bench = Bench(row_s=0.01)
    for _ in range(20):
        bench.offer(100)
        bench.decode(1.0)
    bench.streams -= 1
    assert bench.offer(1) == 0
    bench.streams -= 2
    assert bench.offer(5) == 3  # open again, up to the target


def test_a_slower_machine_takes_no_more_and_touches_nobody() -> None:
    bench = Bench(row_s=0.01)
    for _ in range(10):
        bench.offer(10)
        bench.decode(1.0)
    running = bench.streams
    bench.row_s = 0.02
    bench.decode(20)
    assert bench.offer(10) == 0
    assert bench.streams == running
    assert bench.meter.load(running) > 0.7


def test_an_empty_decoder_takes_one_however_slow_it_is() -> None:
    bench = Bench(row_s=10.0)
    assert bench.offer(1) == 1
    bench.decode(3.0)
    assert bench.offer(1) == 0
    bench.streams = 0
    assert bench.offer(1) == 1


def test_what_was_slow_long_ago_does_not_shut_the_door_for_ever() -> None:
    bench = Bench(row_s=0.2)
    bench.offer(2)
    bench.decode(3.0)
    assert bench.offer(1) == 0
    bench.clock.now += 60  # its clients say nothing
    assert bench.offer(1) == 1


def test_clients_that_have_nothing_to_say_yet_are_no_burst() -> None:
    bench = Bench(row_s=0.01)
    for _ in range(60):
        bench.offer(1)
        bench.clock.now += 0.5
    assert bench.streams == 60


def test_short_streams_in_a_row_are_no_burst() -> None:
    bench = Bench(row_s=0.001)
    bench.offer(1)
    for number in range(100):
        bench.door.check(1)
        bench.door.opened(f"short {number}")
        bench.clock.now += 0.01
        bench.door.closed(f"short {number}")
    bench.door.closed("nobody")


def test_streams_of_another_model_count_too() -> None:
    bench = Bench(row_s=0.01)
    bench.door.elsewhere = lambda: 0.8
    assert bench.offer(1) == 0
    bench.door.elsewhere = lambda: 0.5
    for _ in range(10):
        bench.offer(1)
        bench.decode(1.0)
    assert bench.streams == 6  # 0.2 are left of 0.7


def test_it_can_be_turned_off() -> None:
    bench = Bench(row_s=10.0, target=0.0, untried=1)
    bench.offer(1)
    bench.decode(3.0)
    assert bench.offer(100) == 100
