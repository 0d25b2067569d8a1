"""Where steps of the search run: on the event loop while they are short, in a thread otherwise."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from amira_decoder.search_thread import SearchThread


@pytest.fixture
async def thread() -> AsyncIterator[SearchThread]:
    made = SearchThread()
    yield made
    made.shutdown()


def where() -> threading.Thread:
    return threading.current_thread()


def busy_for(cpu_s: float) -> threading.Thread:
    end_s = time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        pass
    return where()


async def test_short_steps_run_at_once_after_the_first(thread: SearchThread) -> None:
    assert await thread.step(3, where) is not where()
    for _ in range(20):
        assert await thread.step(3, where) is where()


async def test_long_steps_never_hold_up_the_loop(thread: SearchThread) -> None:
    for _ in range(10):
        assert await thread.step(1, busy_for, 0.004) is not where()


async def test_steps_that_become_long_leave_the_loop(thread: SearchThread) -> None:
    await thread.step(1, where)
    assert await thread.step(1, where) is where()
    places = [await thread.step(1, busy_for, 0.004) for _ in range(40)]
    assert places[-1] is not where()


async def test_nothing_runs_beside_what_the_thread_is_at(thread: SearchThread) -> None:
    """Not even when whoever waited for it has gone away."""
    await thread.step(1, where)
    began, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        began.set()
        go_on.wait(30)

    held = asyncio.create_task(thread.call(hold))
    await asyncio.to_thread(began.wait, 30)
    held.cancel()
    await asyncio.gather(held, return_exceptions=True)
    step = asyncio.create_task(thread.step(1, where))
    await asyncio.sleep(0.01)
    assert not step.done()
    go_on.set()
    assert await step is not where()
    assert await thread.step(1, where) is where()


async def test_errors_come_through(thread: SearchThread) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await thread.step(1, lambda: 1 // 0)
    await thread.step(1, where)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await thread.step(1, lambda: 1 // 0)
