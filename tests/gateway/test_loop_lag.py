"""A gateway whose event loop is late takes in no new streams."""

from __future__ import annotations

import asyncio
import time

import pytest

from amira_core import errors
from amira_core.rpc.server import cancel_and_wait
from amira_gateway.loop_lag import LoopLag
from tests.gateway.scripted import audio, config, running, talk, until


def note_often(lag: LoopLag, late_s: float) -> None:
    """Two seconds and more in which every timer is so late."""
    for _ in range(40):
        lag.note(late_s)


def test_one_pause_shuts_nobody_out() -> None:
    lag = LoopLag(0.1)
    note_often(lag, 0.001)
    lag.note(0.2)
    lag.check(streams=1)
    note_often(lag, 0.001)
    lag.note(5)  # a machine that stood still
    lag.check(streams=1)


def test_a_gateway_without_streams_takes_one() -> None:
    """It would keep nobody's latency by a refusal."""
    lag = LoopLag(0.1)
    note_often(lag, 0.2)
    lag.check(streams=0)
    with pytest.raises(errors.NoCapacityError):
        lag.check(streams=1)


def test_what_lasts_does_until_it_is_well_over() -> None:
    lag = LoopLag(0.1)
    note_often(lag, 0.2)
    with pytest.raises(errors.NoCapacityError) as refusal:
        lag.check(streams=1)
    assert refusal.value.retry_after_ms == 1000
    while lag.seconds > 0.07:
        lag.note(0.001)
    with pytest.raises(errors.NoCapacityError):  # not yet
        lag.check(streams=1)
    while lag.seconds > 0.04:
        lag.note(0.001)
    lag.check(streams=1)


def test_it_can_be_turned_off() -> None:
    lag = LoopLag(0)
    note_often(lag, 10)
    lag.check(streams=1)


async def test_it_sees_a_loop_that_is_held_up() -> None:
    lag = LoopLag(0.1)
    measuring = asyncio.create_task(lag.run())
    for _ in range(8):
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - that is the point
    assert lag.seconds > 0.1
    await cancel_and_wait([measuring])


async def test_new_streams_are_refused_and_running_ones_are_not() -> None:
    async with running(max_loop_lag_ms=100) as stack:
        call = stack.open()
        opening = config()
        opening.resumable = True
        await call.write(opening)
        assert (await call.read()).HasField("session")
        for _ in range(40):
            stack.gateway.loop_lag.note(0.5)
        refused = await talk(stack, config(), audio(bytes(320)))
        assert isinstance(refused.error, errors.NoCapacityError)
        assert refused.kinds == []
        assert len(stack.decoder.calls) == 1
        # One that ran at another gateway is taken.
        await call.write(audio(bytes(3_200)))
        await call.done_writing()
        while (response := await call.read()) is not None:
            if response.HasField("resume_point"):
                opening.resume_point.CopyFrom(response.resume_point)
        assert opening.HasField("resume_point")
        moved = await talk(stack, opening, audio(bytes(320)))
        assert moved.error is None
        await until(lambda: len(stack.gateway.admission) == 0)
