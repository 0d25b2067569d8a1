"""The queue to the client: bounded, interims conflated, everything else kept."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira.asr.v1 import result_pb2, speech_pb2
from amira_core import errors
from amira_gateway.session.outbound import Outbound, Outgoing

Response = speech_pb2.StreamingRecognizeResponse


def interim(segment: int) -> Outgoing:
    return Outgoing(Response(result=result_pb2.StreamingResult(segment_id=segment)))


def final(segment: int) -> Outgoing:
    return Outgoing(Response(result=result_pb2.StreamingResult(segment_id=segment, is_final=True)))


MARK = Outgoing(Response(mark=speech_pb2.Mark(id="m")))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2)), max_size=30))
def test_a_reader_who_comes_late_gets_all_but_outdated_interims(sent: list[tuple[bool, int]]) -> None:
    items = [final(segment) if is_final else interim(segment) for is_final, segment in sent]

    async def run() -> list[Outgoing]:
        outbound = Outbound(100)
        for item in items:
            await outbound.put(item)
        outbound.close()
        got = []
        while (item := await outbound.get()) is not None:
            got.append(item)
        return got

    kept = [
        item
        for index, item in enumerate(items)
        if item.interim_of is None
        or item.interim_of not in [later.interim_of for later in items[index + 1 :]]
    ]
    assert asyncio.run(run()) == kept


async def test_put_waits_when_full_and_interims_still_replace() -> None:
    outbound = Outbound(2)
    await outbound.put(interim(0))
    await outbound.put(MARK)
    await outbound.put(interim(0))  # takes the older one's place in the count
    waiting = asyncio.create_task(outbound.put(final(0)))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    assert outbound.full_since is not None
    assert await outbound.get() is MARK
    await waiting
    assert outbound.full_since is None


async def test_an_error_comes_after_what_waits_and_the_first_counts() -> None:
    outbound = Outbound(4)
    await outbound.put(MARK)
    outbound.close(errors.DrainingError("first"))
    outbound.close(errors.DecoderLostError("second"))
    await outbound.put(MARK)  # too late: nobody takes it
    assert await outbound.get() is MARK
    with pytest.raises(errors.DrainingError):
        await outbound.get()


async def test_closing_frees_a_waiting_put() -> None:
    outbound = Outbound(1)
    await outbound.put(MARK)
    waiting = asyncio.create_task(outbound.put(MARK))
    await asyncio.sleep(0)
    outbound.close()
    await waiting
