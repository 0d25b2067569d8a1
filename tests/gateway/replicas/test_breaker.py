"""The breaker's states, and that one probe at a time goes through a half-open one."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AbstractContextManager

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from structlog.testing import capture_logs

from amira_core import errors
from amira_gateway.replicas.breaker import Breaker, BreakerOpenError

LOST = errors.DecoderLostError("gone")
OPEN_S = 8.0
LONGEST_S = OPEN_S * 1.25
FAILURES = 3


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def new(clock: Clock | None = None) -> Breaker:
    return Breaker("decoder 127.0.0.1:1", FAILURES, OPEN_S, clock or Clock())


def end(breaker: Breaker, outcome: BaseException | None = None) -> None:
    """One whole attempt that ends with `outcome`."""
    raised = contextlib.nullcontext() if outcome is None else pytest.raises(type(outcome))
    with raised, breaker.attempt():
        if outcome is not None:
            raise outcome


def opened(clock: Clock) -> Breaker:
    breaker = new(clock)
    for _ in range(FAILURES):
        end(breaker, LOST)
    assert breaker.state == "open"
    return breaker


@pytest.mark.parametrize(
    "loss",
    [LOST, errors.EncoderLostError("gone"), errors.ServiceUnavailableError("gone"), TimeoutError()],
)
def test_losses_in_a_row_open_it(loss: Exception) -> None:
    breaker = new()
    for _ in range(FAILURES):
        assert breaker.state == "closed"
        end(breaker, loss)
    assert breaker.state == "open"
    assert not breaker.allows
    with pytest.raises(BreakerOpenError), breaker.attempt():
        pytest.fail("the block must not run")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        errors.NoCapacityError("full"),
        errors.InvalidRequestError("bad"),
        errors.UnknownModelError("unknown"),
        errors.DrainingError("going"),
    ],
)
def test_every_answer_shows_that_the_replica_is_there(answer: Exception | None) -> None:
    breaker = new()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            end(breaker, LOST)
        end(breaker, answer)
    assert breaker.state == "closed"


@pytest.mark.parametrize("neither", [asyncio.CancelledError(), RuntimeError("a defect"), GeneratorExit()])
def test_what_says_nothing_about_the_replica_changes_nothing(neither: BaseException) -> None:
    breaker = new()
    end(breaker, LOST)
    end(breaker, LOST)
    end(breaker, neither)
    assert breaker.state == "closed"
    end(breaker, LOST)
    assert breaker.state == "open"


def test_losses_of_running_streams_count() -> None:
    breaker = new()
    end(breaker, LOST)
    breaker.failed()
    assert breaker.state == "closed"
    breaker.failed()
    assert breaker.state == "open"


def test_the_open_time_is_jittered_and_then_one_probe_goes_through() -> None:
    waits = set()
    for _ in range(20):
        clock = Clock()
        breaker = opened(clock)
        wait_s = breaker.retry_after_s
        assert OPEN_S * 0.75 <= wait_s <= LONGEST_S
        waits.add(wait_s)
        clock.now += wait_s * 0.999
        assert not breaker.allows
        clock.now += wait_s * 0.002
        assert breaker.allows
        end(breaker)
        assert breaker.state == "closed"
    assert len(waits) > 10


def test_a_failed_probe_opens_it_for_another_time() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += LONGEST_S
    end(breaker, LOST)
    assert breaker.state == "open"
    assert breaker.retry_after_s > 0


@pytest.mark.parametrize("refusal", [errors.NoCapacityError("full"), errors.InvalidRequestError("bad")])
def test_a_refused_probe_closes_it(refusal: Exception) -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += LONGEST_S
    end(breaker, refusal)
    assert breaker.state == "closed"


async def test_a_cancelled_probe_makes_room_for_the_next() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += LONGEST_S
    started = asyncio.Event()

    async def probe() -> None:
        with breaker.attempt():
            started.set()
            await asyncio.Event().wait()

    probing = asyncio.create_task(probe())
    await started.wait()
    assert breaker.state == "half-open"
    assert not breaker.allows
    assert breaker.retry_after_s > 0
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing
    assert breaker.state == "half-open"
    end(breaker)
    assert breaker.state == "closed"


@pytest.mark.parametrize("outcome", [None, LOST, asyncio.CancelledError()])
async def test_fifty_callers_at_once_make_one_probe(outcome: BaseException | None) -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += LONGEST_S
    inside = most = ran = 0
    release = asyncio.Event()

    async def call() -> None:
        nonlocal inside, most, ran
        with breaker.attempt():
            ran += 1
            inside += 1
            most = max(most, inside)
            try:
                await release.wait()
                if outcome is not None:
                    raise outcome
            finally:
                inside -= 1

    calls = [asyncio.create_task(call()) for _ in range(50)]
    await asyncio.sleep(0)
    release.set()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert (ran, most) == (1, 1)
    assert sum(isinstance(end, BreakerOpenError) for end in ends) == 49
    assert breaker.state == {type(None): "closed", type(LOST): "open"}.get(type(outcome), "half-open")


def test_calls_from_before_it_opened_do_not_decide_for_the_probe() -> None:
    clock = Clock()
    breaker = new(clock)
    succeeding, failing, probe = breaker.attempt(), breaker.attempt(), breaker.attempt()
    succeeding.__enter__()
    failing.__enter__()
    for _ in range(FAILURES):
        breaker.failed()
    clock.now += LONGEST_S
    probe.__enter__()
    succeeding.__exit__(None, None, None)
    failing.__exit__(errors.DecoderLostError, LOST, None)
    breaker.failed()
    assert breaker.state == "half-open"
    assert not breaker.allows
    probe.__exit__(None, None, None)
    assert breaker.state == "closed"


class Life(RuleBasedStateMachine):
    """Any order of calls, ends and waits, against a model of what the breaker promises."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = new(self.clock)
        self.state = "closed"
        self.losses = 0
        self.changes = 0
        self.running: list[tuple[AbstractContextManager[None], int]] = []

    def change(self, state: str) -> None:
        self.state, self.losses, self.changes = state, 0, self.changes + 1

    def lose(self) -> None:
        self.losses += 1
        if self.state == "half-open" or self.losses == FAILURES:
            self.change("open")

    @property
    def probes(self) -> int:
        return sum(self.state == "half-open" and began_in == self.changes for _, began_in in self.running)

    @rule()
    def begin(self) -> None:
        wait_s = self.breaker.retry_after_s
        attempt = self.breaker.attempt()
        try:
            attempt.__enter__()
        except BreakerOpenError:
            assert self.probes == 1 or (self.state == "open" and 0 < wait_s <= LONGEST_S)
            return
        assert wait_s == 0
        assert self.probes == 0
        if self.state == "open":
            self.change("half-open")
        self.running.append((attempt, self.changes))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from([None, LOST, asyncio.CancelledError()]))
    def end(self, data: st.DataObject, outcome: BaseException | None) -> None:
        attempt, began_in = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        attempt.__exit__(type(outcome) if outcome else None, outcome, None)
        if began_in != self.changes:
            return
        if outcome is LOST:
            self.lose()
        elif outcome is None and self.state == "half-open":
            self.change("closed")
        elif outcome is None:
            self.losses = 0

    @rule()
    def lose_a_running_stream(self) -> None:
        self.breaker.failed()
        if self.state == "closed":
            self.lose()

    @rule(seconds=st.sampled_from([0.1, OPEN_S * 0.7, LONGEST_S]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def is_as_the_model(self) -> None:
        assert self.breaker.state == self.state
        assert self.probes <= 1
        assert self.breaker.allows == (self.breaker.retry_after_s == 0)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_log_tells_changes_once_and_then_a_line_a_minute() -> None:
    clock = Clock()
    with capture_logs() as log:
        breaker = opened(clock)
        for _ in range(30):  # two minutes and more of failing probes, one every eight to ten seconds
            clock.now += LONGEST_S
            end(breaker, LOST)
        still_open = [entry["times"] for entry in log]
        clock.now += LONGEST_S
        end(breaker)
    assert {entry["event"] for entry in log[:-1]} == {"breaker_opened"}
    assert still_open[0] == 1
    assert sum(still_open) <= 31
    assert len(still_open) == 1 + 30 * LONGEST_S // 60
    assert log[-1]["event"] == "breaker_closed"


def test_a_breaker_that_opens_and_closes_all_the_time_does_not_fill_the_log() -> None:
    clock = Clock()
    with capture_logs() as log:
        breaker = opened(clock)
        for _ in range(5):
            clock.now += LONGEST_S
            end(breaker)
            for _ in range(FAILURES):
                end(breaker, LOST)
    assert [entry["event"] for entry in log] == ["breaker_opened", "breaker_closed"]
