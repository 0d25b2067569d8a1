"""Refusals that are remembered for a moment, by themselves and through a gateway."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from amira_core import errors
from amira_gateway.replicas.fullness import Fullness
from tests.gateway.scripted import Call, Stack, config, running


def learn(fullness: Fullness, error: errors.AmiraError | None) -> None:
    with fullness.learning():
        if error is not None:
            raise error


def test_a_refusal_is_remembered_for_a_moment() -> None:
    now = 100.0
    fullness = Fullness(lambda: now)
    fullness.check()
    with pytest.raises(errors.NoCapacityError):
        learn(fullness, errors.NoCapacityError("full", retry_after_ms=1234))
    with pytest.raises(errors.NoCapacityError, match="full") as refusal:
        fullness.check()
    assert refusal.value.retry_after_ms == 1234
    now += 0.25
    fullness.check()


def test_a_stream_that_is_taken_ends_it() -> None:
    fullness = Fullness(lambda: 0.0)
    with pytest.raises(errors.NoCapacityError):
        learn(fullness, errors.NoCapacityError("full"))
    learn(fullness, None)
    fullness.check()


@pytest.mark.parametrize("error", [errors.DecoderLostError("gone"), errors.InvalidRequestError("no")])
def test_other_errors_say_nothing_of_room(error: errors.AmiraError) -> None:
    fullness = Fullness(lambda: 0.0)
    with pytest.raises(type(error)):
        learn(fullness, error)
    fullness.check()


async def refused(stack: Stack) -> grpc.aio.AioRpcError:
    call = stack.open()
    await call.write(config())
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call.read()
    assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    return failure.value


async def test_a_crowd_is_refused_without_asking_the_decoder_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("amira_gateway.replicas.fullness._REMEMBERED_S", 60)

    async def refuse(call: Call, request: Any) -> None:
        raise errors.NoCapacityError("The decoder is full.", retry_after_ms=1500)

    async with running() as stack:
        stack.decoder.hook = refuse
        said = {(await refused(stack)).details() for _ in range(10)}
        assert said == {"The decoder is full."}
        assert len(stack.decoder.calls) == 1
