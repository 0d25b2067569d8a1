"""Timers over something that may be waiting, also in a process that stands still for a while."""

from __future__ import annotations

import asyncio
import time

import pytest

from amira_core.rpc.server import cancel_and_wait
from amira_gateway.session.watch import watch
from tests.gateway.scripted import until


class Over(Exception):  # noqa: N818 - it is what is waited for
    """The time is."""


def over() -> None:
    raise Over


async def test_what_waits_for_too_long_is_noticed() -> None:
    began_at = time.monotonic()
    with pytest.raises(Over):
        await watch(lambda: began_at, 0.2, over)
    assert time.monotonic() - began_at >= 0.2


async def test_what_does_not_wait_is_left_alone() -> None:
    looked = 0

    def since() -> float | None:
        nonlocal looked
        looked += 1
        return None if looked % 2 else time.monotonic()

    watching = asyncio.create_task(watch(since, 0.04, over))
    await until(lambda: looked > 20)
    assert not watching.done()
    await cancel_and_wait([watching])


async def test_after_a_standstill_there_is_a_moment_for_what_came_meanwhile() -> None:
    since = time.monotonic()
    watching = asyncio.create_task(watch(lambda: since, 1.0, over))
    await asyncio.sleep(0.1)
    time.sleep(1.4)  # noqa: ASYNC251 - that is the point
    await asyncio.sleep(0.1)
    assert not watching.done()
    since = time.monotonic()
    await asyncio.sleep(0.3)
    assert not watching.done()
    await cancel_and_wait([watching])
