"""Streams over WebSockets: both forms, ends of every kind, resume, floods."""

from __future__ import annotations

import asyncio
import base64
import json
import socket

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amira.asr.v1 import config_pb2, speech_pb2
from tests.gateway.scripted import until
from tests.gateway.web.door import CONFIG, END, SECOND, Web, answers, serving

PROTO = ["amira.asr.v1.proto"]


def finals(messages: list[dict]) -> list[str]:
    return [
        message["result"]["alternatives"][0]["text"]
        for message in messages
        if message.get("result", {}).get("isFinal")
    ]


async def test_json_with_binary_audio() -> None:
    async with serving() as web:
        ws = await web.connect()
        await ws.send_json(CONFIG)
        await ws.send_bytes(SECOND)
        await ws.send_json(END)
        messages = await answers(ws)
        assert ws.protocol in (None, "amira.asr.v1.json")
        assert "sessionId" in messages[0]["session"]
        assert finals(messages) == ["32000 bytes"]
        assert messages[-1] == {"status": {"code": "OK"}}
        assert ws.close_code == 1000
        await web.stack.freed()


async def test_audio_within_json_has_offsets() -> None:
    async with serving() as web:
        ws = await web.connect(["amira.asr.v1.json"])
        await ws.send_json(CONFIG)
        for offset in (0, 16_000):
            await ws.send_json(
                {"audio": {"content": base64.b64encode(SECOND).decode(), "offset": str(offset)}}
            )
        await ws.send_json({"control": {"mark": {"id": "here"}}})
        await ws.send_json(END)
        messages = await answers(ws)
        assert finals(messages) == ["64000 bytes"]
        assert {"id": "here"} in [message.get("mark") for message in messages]


async def test_binary_messages() -> None:
    async with serving() as web:
        ws = await web.connect(PROTO)
        assert ws.protocol == PROTO[0]
        config = config_pb2.RecognitionConfig(
            encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16_000
        )
        end = speech_pb2.StreamControl(end_of_audio=speech_pb2.EndOfAudio())
        for request in (
            speech_pb2.StreamingRecognizeRequest(config=config),
            speech_pb2.StreamingRecognizeRequest(audio=speech_pb2.AudioChunk(content=SECOND)),
            speech_pb2.StreamingRecognizeRequest(control=end),
        ):
            await ws.send_bytes(request.SerializeToString())
        responses, last = [], None
        async for message in ws:
            if message.type is aiohttp.WSMsgType.BINARY:
                responses.append(speech_pb2.StreamingRecognizeResponse.FromString(message.data))
            else:
                last = json.loads(message.data)
        assert responses[0].HasField("session")
        assert responses[-1].result.alternatives[0].text == "32000 bytes"
        assert last == {"status": {"code": "OK"}}


@pytest.mark.parametrize(
    ("protocols", "sent", "code", "reason"),
    [
        ([], "no json", "INVALID_ARGUMENT", "INVALID_REQUEST"),
        ([], '{"nothing": {}}', "INVALID_ARGUMENT", "INVALID_REQUEST"),
        ([], "[" * 100_000, "INVALID_ARGUMENT", "INVALID_REQUEST"),
        ([], json.dumps(END), "FAILED_PRECONDITION", "CONFIG_MISSING"),
        ([], '{"config": {"encoding": "AUDIO_ENCODING_LINEAR16"}}', "INVALID_ARGUMENT", "BAD_SAMPLE_RATE"),
        (PROTO, "text", "INVALID_ARGUMENT", "INVALID_REQUEST"),
        (PROTO, b"\xff\xff\xff", "INVALID_ARGUMENT", "INVALID_REQUEST"),
        ([], '{"resume": {"token": "made up"}}', "NOT_FOUND", "SESSION_LOST"),
    ],
)
async def test_what_cannot_be_used_is_refused(
    protocols: list[str], sent: str | bytes, code: str, reason: str
) -> None:
    async with serving() as web:
        ws = await web.connect(protocols)
        await (ws.send_str(sent) if isinstance(sent, str) else ws.send_bytes(sent))
        messages = await answers(ws)
        assert messages[-1]["status"]["code"] == code
        assert messages[-1]["status"]["reason"] == reason
        assert messages[-1]["status"]["message"]
        assert ws.close_code in (4400, 4404)
        await until(lambda: len(web.stack.gateway.admission) == 0)


async def test_a_message_that_is_too_large() -> None:
    async with serving(max_message_audio_bytes=1024) as web:
        ws = await web.connect()
        await ws.send_json(CONFIG)
        await ws.send_bytes(bytes(100_000))
        await answers(ws)
        assert ws.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        await web.stack.freed()


async def test_a_client_that_leaves_frees_its_place() -> None:
    async with serving() as web:
        ws = await web.connect()
        await ws.send_json(CONFIG)
        await ws.receive()
        await ws.close()
        await web.stack.freed()
        assert web.stack.decoder.calls[0].outcome == "cancelled"


async def test_a_client_that_leaves_after_its_last_audio_frees_its_place() -> None:
    """When nobody reads its messages any more, its leaving must still be noticed."""
    held = asyncio.Event()

    async def hold(call: object, request: object) -> None:
        if getattr(request, "WhichOneof", lambda _: "")("request") == "end":
            await held.wait()

    async with serving() as web:
        web.stack.decoder.hook = hold
        ws = await web.connect()
        await ws.send_json(CONFIG)
        await ws.send_json(END)
        await until(lambda: bool(web.stack.decoder.calls) and "end" in web.stack.decoder.calls[0].kinds)
        await ws.close()
        await until(lambda: len(web.stack.gateway.admission) == 0)
        held.set()


async def test_goes_on_with_its_session_in_another_connection() -> None:
    async with serving() as web:
        first = await web.connect()
        await first.send_json({**CONFIG, "resumable": True})
        token = (await first.receive_json())["session"]["resumeToken"]
        await first.send_bytes(SECOND)
        await until(lambda: bool(web.stack.decoder.calls) and len(web.stack.decoder.calls[0].audio) == 32_000)
        await first.close()
        await until(lambda: web.stack.gateway.sessions.detached == 1)
        second = await web.connect()
        await second.send_json({"resume": {"token": token, "lastSequence": "1"}})
        answer = await second.receive_json()
        assert answer["session"]["resumeOffset"] == "16000"
        await second.send_bytes(SECOND)
        await second.send_json(END)
        assert finals(await answers(second)) == ["64000 bytes"]
        await web.stack.freed()


def small_window(address: tuple) -> socket.socket:
    """A connection that takes little before it has been read."""
    made = socket.socket(address[0], address[1], address[2])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return made


async def flood(ws: aiohttp.ClientWebSocketResponse) -> None:
    async with asyncio.timeout(240):
        while True:
            await ws.send_json({"control": {"mark": {"id": "x" * 128}}})


@pytest.mark.slow
async def test_a_client_that_does_not_read_is_ended() -> None:
    connector = aiohttp.TCPConnector(socket_factory=small_window)
    async with (
        serving(client_stall_timeout_s=0.2, send_buffer_bytes=4096) as web,
        aiohttp.ClientSession(connector=connector) as http,
    ):
        ws = await http.ws_connect(web.url("/v1/stream"))
        await ws.send_json(CONFIG)
        with pytest.raises(ConnectionError):
            await flood(ws)
        await until(lambda: len(web.stack.gateway.admission) == 0)


async def test_streams_beyond_the_limit_are_refused() -> None:
    async with serving(max_streams=1) as web:
        first = await web.connect()
        await first.send_json(CONFIG)
        await first.receive()
        second = await web.connect()
        await second.send_json(CONFIG)
        status = (await answers(second))[-1]["status"]
        assert (status["code"], status["reason"]) == ("RESOURCE_EXHAUSTED", "NO_CAPACITY")
        assert status["retryAfterMs"] > 0
        assert second.close_code == 4429
        await first.send_json(END)
        assert (await answers(first))[-1] == {"status": {"code": "OK"}}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["config", "audio", "control", "resume", "encoding", "content", "offset", "flush", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_MESSAGES = st.lists(
    st.one_of(
        _JSON.map(json.dumps), st.text(max_size=30), st.binary(max_size=200), st.just(json.dumps(CONFIG))
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(protocol=st.sampled_from(["amira.asr.v1.json", "amira.asr.v1.proto"]), messages=_MESSAGES)
def test_whatever_comes_is_answered_by_a_status_that_is_not_internal(
    protocol: str, messages: list[str | bytes]
) -> None:
    async def run() -> None:
        async with serving(idle_timeout_s=0.2) as web:
            await _throw(web, protocol, messages)

    asyncio.run(run())


async def _throw(web: Web, protocol: str, messages: list[str | bytes]) -> None:
    ws = await web.connect([protocol])
    for message in messages:
        try:
            await (ws.send_str(message) if isinstance(message, str) else ws.send_bytes(message))
        except ConnectionError:
            break
    async with asyncio.timeout(60):
        received = [message async for message in ws]
    last = json.loads(received[-1].data)["status"]
    assert last["code"] not in ("INTERNAL", "UNKNOWN")
    assert ws.close_code is not None
    await until(lambda: len(web.stack.gateway.admission) == 0)
