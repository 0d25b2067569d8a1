"""Calls whose messages come a byte at a time: bytes that make no message are no sign of life."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from tests.gateway.scripted import Request, audio, config, pattern, running
from tests.support.http2 import (
    DATA,
    END_HEADERS,
    HEADERS,
    PREFACE,
    SETTINGS,
    frame,
    grpc_headers,
    grpc_message,
)

METHOD = "/amira.asr.v1.Speech/StreamingRecognize"


async def status_of(port: int, at_once: list[Request], dripping: Request) -> str:
    """The status of a call that sends messages, and then one that takes for ever."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, grpc_headers(METHOD)))
    for request in at_once:
        writer.write(frame(DATA, 0, 1, grpc_message(request.SerializeToString())))

    async def drip() -> None:
        for byte in grpc_message(dripping.SerializeToString()):
            writer.write(frame(DATA, 0, 1, bytes([byte])))
            await asyncio.sleep(0.05)

    sending = asyncio.create_task(drip())
    received = b""
    async with asyncio.timeout(60):
        while b"grpc-status" not in received:
            block = await reader.read(65_536)
            assert block
            received += block
    sending.cancel()
    writer.transport.abort()
    after = received.partition(b"grpc-status")[2]
    return after[1 : 1 + after[0]].decode()


@pytest.mark.parametrize("begun", [False, True])
async def test_a_message_that_drips_in_is_no_message(begun: bool) -> None:
    async with running(first_message_timeout_s=0.4, idle_timeout_s=0.5) as stack:
        at_once = [config(), audio(pattern(320))] if begun else []
        dripping = audio(pattern(32_000)) if begun else config(model="m" * 1000)
        assert int(await status_of(stack.port, at_once, dripping)) == grpc.StatusCode.ABORTED.value[0]
        await stack.freed()
