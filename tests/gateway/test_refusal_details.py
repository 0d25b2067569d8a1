"""Each refusal for want of room says in the status itself why, and when to come back: no words are parsed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.server import cancel_and_wait
from amira_gateway.access.identity import Limits
from tests.gateway.access.door import Metadata, add_key, bearer, outcome
from tests.gateway.access.test_real_gateway import guarded
from tests.gateway.scripted import Stack, config, running, until

Told = tuple[str, str, str, int | None]


async def refused_stream(stub: Any, metadata: Metadata = ()) -> Told:
    """What a new stream is told."""
    call: DuplexCall[Any, Any] = DuplexCall(stub.StreamingRecognize(metadata=metadata))
    await call.write(config())
    return await outcome(call.read())


async def refused_recording(stub: Any, metadata: Metadata = ()) -> Told:
    """What a recording is told."""
    request = speech_pb2.RecognizeRequest(config=config().config, audio=bytes(3200))
    return await outcome(stub.Recognize(request, metadata=metadata))


def check(told: Told, reason: str = errors.NoCapacityError.reason) -> None:
    status, its_reason, message, retry_ms = told
    assert (status, its_reason) == ("RESOURCE_EXHAUSTED", reason)
    assert message
    assert retry_ms is not None
    assert retry_ms >= 1000


async def begin(stack: Stack) -> DuplexCall[Any, Any]:
    call = stack.open()
    await call.write(config())
    assert (await call.read()).HasField("session")
    return call


async def test_every_place_of_the_gateway_is_taken() -> None:
    async with running(max_streams=1) as stack:
        call = await begin(stack)
        check(await refused_stream(stack.stub))
        check(await refused_recording(stack.stub))
        call.cancel()


async def test_every_place_is_held_by_calls_that_have_said_nothing() -> None:
    async with running(max_streams=2) as stack:
        calls = [stack.open() for _ in range(2)]
        await until(lambda: len(stack.gateway.admission) == 2)
        check(await refused_stream(stack.stub))
        for call in calls:
            call.cancel()


@pytest.mark.parametrize("replicas", [1, 2])
async def test_no_decoder_has_room(replicas: int) -> None:
    async with running(replicas=replicas) as stack:

        async def refuse(call: object, request: object) -> None:
            raise errors.NoCapacityError("This decoder keeps up with no more.", retry_after_ms=1234)

        for decoder in stack.decoders:
            decoder.hook = refuse
        for told in (await refused_stream(stack.stub), await refused_recording(stack.stub)):
            check(told)
            assert told[3] == 1234
        await stack.freed()


async def test_a_tenant_has_no_more_streams(tmp_path: Path) -> None:
    metadata = bearer(add_key(tmp_path / "keys.json", limits=Limits(max_streams=1)))
    async with guarded(tmp_path / "keys.json") as (_, stub):
        call: DuplexCall[Any, Any] = DuplexCall(stub.StreamingRecognize(metadata=metadata))
        await call.write(config())
        assert (await call.read()).HasField("session")
        check(await refused_stream(stub, metadata), errors.TenantLimitError.reason)
        check(await refused_recording(stub, metadata), errors.TenantLimitError.reason)
        call.cancel()


async def test_a_tenant_has_too_many_calls_open(tmp_path: Path) -> None:
    metadata = bearer(add_key(tmp_path / "keys.json", limits=Limits(max_streams=1)))
    async with guarded(tmp_path / "keys.json") as (_, stub):
        silent = [stub.StreamingRecognize(metadata=metadata) for _ in range(7)]  # one more than are allowed
        told = [asyncio.create_task(outcome(call.read())) for call in silent]
        (refused,), others = await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
        check(refused.result(), errors.TenantLimitError.reason)
        assert "calls" in refused.result()[2]
        await cancel_and_wait([*others])


async def test_a_tenant_has_used_its_audio(tmp_path: Path) -> None:
    metadata = bearer(add_key(tmp_path / "keys.json", limits=Limits(audio_s_per_minute=1)))
    async with guarded(tmp_path / "keys.json") as (_, stub):
        request = speech_pb2.RecognizeRequest(config=config().config, audio=bytes(32_000 * 3 // 2))
        await stub.Recognize(request, metadata=metadata)
        check(await refused_recording(stub, metadata), errors.TenantLimitError.reason)
        check(await refused_stream(stub, metadata), errors.TenantLimitError.reason)
