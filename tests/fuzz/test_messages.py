"""The message fuzzer's short run against real services, and that it would notice what it looks for."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import grpc
import pytest

from amira.asr.v1 import speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira.frontend.v1 import frontend_pb2
from amira_core.errors import DrainingError, InternalError
from amira_frontend.server import FrontendServicer
from fuzz import messages
from fuzz.conversations import SERVICES, make_conversation
from fuzz.random_messages import random_message
from fuzz.servers import SERVERS


@pytest.mark.parametrize(("service", "count"), [("frontend", 500), ("decoder", 120), ("gateway", 120)])
async def test_some_hundred_conversations(
    service: str, count: int, capfd: pytest.CaptureFixture[str]
) -> None:
    async with SERVERS[service]() as target:
        statuses, found = await messages.fuzz(target, service, 20, range(count))
    assert not found
    assert sum(statuses.values()) == count
    assert {"OK", "INVALID_ARGUMENT", "FAILED_PRECONDITION"} <= set(statuses)
    output = capfd.readouterr()
    assert "unexpected_error" not in output.out + output.err


@pytest.mark.parametrize("error", [InternalError("a bug"), DrainingError("gone"), ZeroDivisionError()])
async def test_a_server_that_fails_is_noticed(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(FrontendServicer, "_extract", fail)
    async with SERVERS["frontend"]() as target:
        statuses, found = await messages.fuzz(target, "frontend", 0, range(5))
    status = grpc.StatusCode.UNAVAILABLE if isinstance(error, DrainingError) else grpc.StatusCode.INTERNAL
    assert [number for number, problem in found if status.name in problem] == list(range(5))
    assert statuses == {status.name: 5}


async def test_a_call_that_does_not_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(FrontendServicer, "_extract", hang)
    async with SERVERS["frontend"]() as target:
        _, found = await messages.fuzz(target, "frontend", 0, range(2), hang_s=1)
    assert [number for number, problem in found if "no end after 1 s" in problem] == [0, 1]


@pytest.mark.parametrize("service", SERVICES)
def test_conversations_can_be_made_again(service: str) -> None:
    for number in range(100):
        assert make_conversation(service, 1, number) == make_conversation(service, 1, number)


@pytest.mark.parametrize(
    "kind",
    [frontend_pb2.ExtractRequest, decoder_pb2.DecodeRequest, speech_pb2.StreamingRecognizeRequest],
)
def test_every_field_is_tried(kind: Any) -> None:
    chance = random.Random(0)
    made = [random_message(kind, chance, lambda _: b"bytes") for _ in range(300)]
    for field in kind.DESCRIPTOR.fields:
        if field.has_presence:
            assert any(message.HasField(field.name) for message in made)
        else:
            assert any(getattr(message, field.name) for message in made)
    assert all(kind.FromString(message.SerializeToString()) is not None for message in made)
