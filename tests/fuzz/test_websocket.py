"""The WebSocket fuzzer's short run against real services, and that it would notice what it looks for."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import pytest
from aiohttp import web

from amira_gateway.server import SpeechServicer
from fuzz import servers, websocket
from fuzz.frames import BINARY, CLOSE, PING, TEXT, Frame, WrongFrameError, fragments, parsed
from fuzz.held import Held
from fuzz.sockets import Ending, make_socket
from fuzz.websocket import Findings, blames_the_server, describe

KEY = b"\x01\x02\x03\x04"
OPENED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def as_server(*frames: Frame) -> bytes:
    return OPENED + b"".join(frame.encoded(b"") for frame in frames)


def frame(opcode: int, payload: bytes = b"", **more: Any) -> Frame:
    return Frame(opcode, payload, masked=False, **more)


async def test_some_hundred_sockets() -> None:
    findings = await websocket.run(seed=20, inputs=400, hang_s=120)
    assert not findings.wrong
    assert sum(findings.ends.values()) == 400
    assert {"OK 1000", "1002", "HTTP 400"} <= set(findings.ends), "neither all good nor all refused"


async def test_a_gateway_that_fails_or_hangs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise ZeroDivisionError

    async def hang(*_: Any) -> None:
        await asyncio.Event().wait()

    findings = Findings()
    async with servers.web() as address:
        for broken, hang_s in ((fail, 120), (hang, 1)):
            monkeypatch.setattr(SpeechServicer, "stream", broken)
            await websocket.fuzz(address, 20, range(20), hang_s, findings)
    problems = {problem.partition(": ")[2] for problem in findings.wrong}
    assert {"INTERNAL INTERNAL 4500", "no end after 1 s"} <= problems


async def test_what_is_not_given_back_is_noticed() -> None:
    before = Held.now()
    assert not Held.now().leaked(before)
    kept = [asyncio.create_task(asyncio.Event().wait())]
    (problem,) = Held.now().leaked(before)
    assert "1 tasks" in problem
    kept[0].cancel()


def test_errors_of_the_http_server_are_noticed() -> None:
    findings = Findings()
    handler = websocket._Errors(findings)
    logger = logging.getLogger("aiohttp.server")
    logger.addHandler(handler)
    logger.exception("Unhandled", exc_info=web.HTTPError())
    logger.removeHandler(handler)
    assert "Unhandled" in findings.wrong[0]


@pytest.mark.parametrize(
    ("received", "end"),
    [
        (b"", "nothing"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\nno", "HTTP 400"),
        (OPENED, "no close"),
        (as_server(frame(CLOSE, b"\x03\xea")), "1002"),
        (as_server(frame(TEXT, b'{"session": {}}'), frame(CLOSE, b"\x03\xe8")), "1000"),
        (
            as_server(
                frame(TEXT, b'{"status": {"code": "ABORTED", "reason": "R"}}'), frame(CLOSE, b"\x11\x39")
            ),
            "ABORTED R 4409",
        ),
    ],
)
def test_ends_are_told_apart(received: bytes, end: str) -> None:
    assert describe(received) == end
    assert not blames_the_server(end)


@pytest.mark.parametrize(
    "end", ["HTTP 500", "INTERNAL X 4500", "UNAVAILABLE DECODER_LOST 4503", "1011", "4500"]
)
def test_ends_that_must_not_be(end: str) -> None:
    assert blames_the_server(end)


@pytest.mark.parametrize(
    "frames",
    [
        [Frame(TEXT, b"{}")],
        [frame(TEXT, b"{}", reserved=4)],
        [frame(5)],
        [frame(PING, bytes(126))],
        [frame(PING, final=False)],
        [frame(TEXT, b"no json")],
        [frame(CLOSE), frame(TEXT, b"{}")],
    ],
)
def test_a_server_that_breaks_the_protocol_is_noticed(frames: list[Frame]) -> None:
    with pytest.raises(WrongFrameError):
        describe(OPENED + b"".join(each.encoded(KEY) for each in frames))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_frames_are_those_of_the_standard(size: int) -> None:
    payload = random.Random(0).randbytes(size)
    (back,) = parsed(frame(BINARY, payload).encoded(b""))
    assert back.payload == payload
    encoded = Frame(BINARY, payload).encoded(KEY)
    hidden = encoded[len(encoded) - size :]
    assert bytes(byte ^ KEY[at % 4] for at, byte in enumerate(hidden)) == payload


def test_fragments_are_one_message() -> None:
    parts = fragments(TEXT, b"abcdefgh", 3, random.Random(1))
    assert b"".join(part.payload for part in parts) == b"abcdefgh"
    assert [part.opcode for part in parts] == [TEXT, 0, 0]
    assert [part.final for part in parts] == [False, False, True]


def test_sockets_can_be_made_again_and_are_of_all_kinds() -> None:
    made = [make_socket(1, number) for number in range(300)]
    assert made == [make_socket(1, number) for number in range(300)]
    assert {each.ending for each in made} == set(Ending)
    assert {each.complete for each in made} == {True, False}
