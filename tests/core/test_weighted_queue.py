"""The queue bounded in seconds: order and bound, whatever the sequence of puts and gets."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from amira_core.aio.weighted_queue import WeightedQueue


@given(
    st.floats(0.1, 10),
    st.lists(st.floats(0, 20), max_size=30),
    st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_everything_comes_out_once_in_order_within_the_bound(
    capacity: float, weights: list[float], pauses: list[bool]
) -> None:
    async def run() -> None:
        queue: WeightedQueue[int] = WeightedQueue(capacity)

        async def put() -> None:
            for index, weight in enumerate(weights):
                await queue.put(index, weight)
                # One item may be heavier than all the room there is; two may not.
                assert queue.weight <= max(capacity, weight) + 1e-9

        putting = asyncio.create_task(put())
        got: list[int] = []
        for pause in pauses:
            if pause:
                await asyncio.sleep(0)
        while len(got) < len(weights):
            got.append(await queue.get())
        await putting
        assert got == list(range(len(weights)))
        assert queue.peek() is None
        assert queue.weight == 0

    asyncio.run(asyncio.wait_for(run(), 5))


async def test_put_waits_for_room() -> None:
    queue: WeightedQueue[str] = WeightedQueue(1.0)
    await queue.put("a", 0.7)
    waiting = asyncio.create_task(queue.put("b", 0.7))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert await queue.get() == "a"
    await asyncio.wait_for(waiting, 5)
    assert await queue.get() == "b"


async def test_a_cancelled_get_takes_nothing() -> None:
    queue: WeightedQueue[str] = WeightedQueue(1.0)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await queue.put("a", 0.5)
    assert queue.peek() == "a"
    assert await queue.get() == "a"
    assert queue.peek() is None
