"""Deepgram's protocols, by its own unmodified SDK."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment

from tests.gateway.access.door import add_key
from tests.gateway.scripted import until
from tests.support.spoken import WORDS, Gateway, Spoken, broken_flac, clip, clip_file

pytestmark = pytest.mark.filterwarnings("ignore:.*websockets:DeprecationWarning")
"""The SDK uses names that websockets has given up."""

PIECE_BYTES = 6_400
PATIENTLY_S = 100
"""Longer than a stream may take to open, which is 30 s in these tests: a drain cuts off what has not ended by
then, and on a busy machine a stream that had just been let in need not have."""
LIVE = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16_000}


def environment(gateway: Gateway) -> DeepgramClientEnvironment:
    return DeepgramClientEnvironment(
        base=gateway.http, production=gateway.ws, agent=gateway.ws, agent_rest=gateway.http
    )


@contextmanager
def sdk(gateway: Gateway, key: str) -> Iterator[DeepgramClient]:
    """The SDK cannot be closed; what it sends HTTP with can."""
    with httpx.Client(timeout=60) as http:
        yield DeepgramClient(api_key=key, environment=environment(gateway), httpx_client=http, max_retries=0)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[DeepgramClient]:
    with sdk(gateway, "any") as made:
        yield made


def pieces(audio: bytes, size: int = PIECE_BYTES) -> Iterator[bytes]:
    for start in range(0, len(audio), size):
        yield audio[start : start + size]


def said(results: list[Any]) -> str:
    """The transcript of the finals."""
    texts = [result.channel.alternatives[0].transcript for result in results if result.is_final]
    return " ".join(filter(None, texts))


def of_type(messages: list[Any], kind: str) -> list[Any]:
    return [message for message in messages if message.type == kind]


def test_live_audio(client: DeepgramClient) -> None:
    audio = clip(12).tobytes()
    with client.listen.v1.connect(**LIVE, interim_results=True, vad_events=True, smart_format=True) as stream:
        sending = threading.Thread(target=lambda: [stream.send_media(piece) for piece in pieces(audio)])
        sending.start()
        sending.join()
        stream.send_close_stream()
        messages = list(stream)
    results = of_type(messages, "Results")
    assert said(results).startswith(WORDS)
    assert any(not result.is_final for result in results)
    finals = [result for result in results if result.is_final]
    assert finals[0].start == 0
    words = [word for final in finals for word in final.channel.alternatives[0].words]
    assert [word.word for word in words] == said(results).split()
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(0 < word.confidence <= 1 for word in words)
    started = of_type(messages, "SpeechStarted")
    assert len(started) == len(finals)
    assert started[0].timestamp <= words[0].start
    [metadata] = of_type(messages, "Metadata")
    assert messages[-1] is metadata
    assert metadata.duration == 12
    assert metadata.sha256 == hashlib.sha256(audio).hexdigest()
    assert {result.metadata.request_id for result in results} == {metadata.request_id}


async def test_finalize_gives_what_has_been_said(gateway: Gateway) -> None:
    client = AsyncDeepgramClient(api_key="any", environment=environment(gateway))
    async with client.listen.v1.connect(**LIVE, endpointing="false") as stream:
        for piece in pieces(clip().tobytes(), 6_401):  # in the middle of samples
            await stream.send_media(piece)
        await stream.send_finalize()
        first = await stream.recv()
        assert (first.is_final, first.speech_final, first.from_finalize) == (True, True, True)
        assert said([first]).startswith(WORDS)
        await stream.send_finalize()
        second = await stream.recv()
        assert (said([second]), second.from_finalize) == ("", True)
        await stream.send_keep_alive()
        await stream.send_media(bytes(PIECE_BYTES))
        await stream.send_close_stream()
        assert [message.type async for message in stream] == ["Metadata"]


async def test_an_utterance_ends_after_so_much_silence(gateway: Gateway) -> None:
    client = AsyncDeepgramClient(api_key="any", environment=environment(gateway))
    silence = bytes(4 * 32_000)
    async with client.listen.v1.connect(**LIVE, interim_results=True, utterance_end_ms=1000) as stream:
        for piece in pieces(clip().tobytes() + silence):
            await stream.send_media(piece)
        await stream.send_close_stream()
        messages = [message async for message in stream]
    [end] = of_type(messages, "UtteranceEnd")
    finals = [message for message in of_type(messages, "Results") if message.is_final]
    assert end.last_word_end == finals[-1].channel.alternatives[0].words[-1].end
    assert messages.index(end) > messages.index(finals[-1])


def test_a_container_needs_no_encoding(client: DeepgramClient, tmp_path: Path) -> None:
    with client.listen.v1.connect(model="nova-3") as stream:
        for piece in pieces(clip_file(tmp_path, "ogg").read_bytes(), 7):
            stream.send_media(piece)
        stream.send_close_stream()
        messages = list(stream)
    assert said(of_type(messages, "Results")).startswith(WORDS)
    assert messages[-1].duration == 4


def test_a_recording(client: DeepgramClient, tmp_path: Path) -> None:
    path = clip_file(tmp_path, "flac", 12)
    heard = client.listen.v1.media.transcribe_file(
        request=path.read_bytes(), model="nova-3", utterances=True, language="en-US", punctuate=True
    )
    [channel] = heard.results.channels
    best = channel.alternatives[0]
    assert best.transcript.startswith(WORDS)
    assert [word.word for word in best.words] == best.transcript.split()
    assert 0 < best.confidence <= 1
    assert " ".join(utterance.transcript for utterance in heard.results.utterances) == best.transcript
    assert heard.metadata.duration == 12
    assert heard.metadata.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_favoured_words(client: DeepgramClient, tmp_path: Path) -> None:
    file = clip_file(tmp_path, "flac").read_bytes()
    for favoured in ({"keyterm": ["cold hearted"]}, {"keywords": ["hearted:2", "selfish"]}):
        heard = client.listen.v1.media.transcribe_file(request=file, model="nova-2", **favoured)  # type: ignore[arg-type]
        assert heard.results.channels[0].alternatives[0].transcript.startswith(WORDS)


def test_models(client: DeepgramClient) -> None:
    listed = client.manage.v1.models.list()
    assert [(model.name, model.languages, model.streaming) for model in listed.stt or []] == [
        ("starter-en", ["en"], True)
    ]
    assert listed.tts == []


async def test_configure_changes_the_terms(gateway: Gateway) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(url(gateway, **LIVE)) as ws:
        await ws.send_json({"type": "Configure", "keyterms": ["too early"]})
        assert (await ws.receive_json())["type"] == "ConfigureFailure"
        await ws.send_bytes(bytes(PIECE_BYTES))
        await ws.send_json({"type": "Configure", "keyterms": ["selfish"]})
        answer = await ws.receive_json()
        assert (answer["type"], answer["keyterms"]) == ("ConfigureSuccess", ["selfish"])
        await ws.send_json({"type": "Configure", "keyterms": ["x" * 101]})
        assert (await ws.receive_json())["type"] == "ConfigureFailure"
        await ws.send_bytes(b"")  # the same as CloseStream
        assert [json.loads(message.data)["type"] async for message in ws] == ["Metadata"]
        assert ws.close_code == 1000


def url(gateway: Gateway, **query: object) -> str:
    return f"{gateway.http}/v1/listen?" + "&".join(f"{name}={value}" for name, value in query.items())


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"encoding": "linear16"}, "sample_rate"),
        ({"encoding": "opus", "sample_rate": 16_000}, "ogg-opus"),
        ({"encoding": "linear16", "sample_rate": "fast"}, "sample_rate"),
        (LIVE | {"channels": 9}, "channels"),
        (LIVE | {"sample_rate": 1}, "sample_rate_hz"),
        ({"endpointing": 99_999}, "silence_after_speech"),
        ({"redact": "pci"}, "redact"),
        ({"diarize": "true"}, "diarize"),
        ({"callback": "http://127.0.0.1/"}, "callback"),
        ({"language": "fr"}, "fr"),
        ({"endpointing": "-1"}, "endpointing"),
        ({"keyterm": "x" * 101}, "characters"),
        ({"keywords": "x:nan"}, "keywords"),
    ],
)
async def test_what_cannot_be_done_is_said(gateway: Gateway, query: dict[str, object], says: str) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.post(url(gateway, **query), data=b"fLaC\0\0\0\x22" * 10) as answer:
            body = await answer.json()
            assert (answer.status, body["err_code"]) == (400, "Bad Request")
            assert says in body["err_msg"]
            assert body["request_id"] == answer.headers["dg-request-id"]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(url(gateway, **query))
        assert refused.value.status == 400


async def test_what_has_no_effect_is_named(gateway: Gateway) -> None:
    query = LIVE | {"smart_format": "true", "numerals": "false", "mine": 1}
    async with aiohttp.ClientSession() as http, http.ws_connect(url(gateway, **query)) as ws:
        assert ws._response.headers["amira-ignored"] == "smart_format, mine"


async def test_bodies_that_are_no_audio(gateway: Gateway) -> None:
    async with aiohttp.ClientSession() as http:
        for body in (b"", b"ID3", b"ID3" + bytes(100), broken_flac(), b"RIFFxxxxWAVE" + bytes(50)):
            async with http.post(url(gateway), data=body) as answer:
                assert answer.status == 400, body
                assert (await answer.json())["reason"] in ("UNKNOWN_ENCODING", "MALFORMED_AUDIO")
        async with http.post(url(gateway), json={"url": "http://127.0.0.1/"}) as answer:
            assert answer.status == 400
            assert "send the audio itself" in (await answer.json())["err_msg"]


@pytest.mark.parametrize(
    ("query", "sent", "close"),
    [
        ({}, [b"nothing that is audio"], (1008, "DATA-0000")),
        ({}, [b"RIFFxxxxWAVE" + bytes(20_000)], (1008, "DATA-0000")),
    ],
)
async def test_audio_that_is_none_ends_the_stream(
    gateway: Gateway, query: dict[str, object], sent: list[bytes], close: tuple[int, str]
) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(url(gateway, **query)) as ws:
        for content in sent:
            await ws.send_bytes(content)
        messages = []
        while (message := await ws.receive()).type is aiohttp.WSMsgType.TEXT:
            messages.append(message.json())
        assert messages[-1]["type"] == "Error"
        assert (message.data, message.extra) == close
        await until(lambda: len(gateway.speech.admission) == 0)


async def test_messages_that_mean_nothing_are_answered_and_passed_over(gateway: Gateway) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(url(gateway, **LIVE)) as ws:
        for text in ("no json", "[]", "1", '{"type": []}', '{"type": "Nothing"}', "[" * 100_000):
            await ws.send_str(text)
            answer = await ws.receive_json()
            assert (answer["type"], answer["variant"]) == ("Error", "SchemaError")
        await ws.send_json({"type": "Finalize"})  # there is nothing to finalize
        await ws.send_json({"type": "CloseStream"})
        [metadata] = [json.loads(message.data) async for message in ws]
        assert (metadata["type"], metadata["duration"]) == ("Metadata", 0)


async def test_silence_is_not_waited_for(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amira_gateway.web.deepgram.dialect._SILENCE_S", 0.3)
    async with aiohttp.ClientSession() as http:
        for beginning in ([], [bytes(PIECE_BYTES)]):
            async with http.ws_connect(url(gateway, **LIVE)) as ws:
                for content in beginning:
                    await ws.send_bytes(content)
                while (message := await ws.receive()).type is aiohttp.WSMsgType.TEXT:
                    assert message.json()["type"] == "Error"
                assert (message.data, message.extra) == (1011, "NET-0001")
    await until(lambda: len(gateway.speech.admission) == 0)


async def test_a_client_that_leaves_frees_its_place(gateway: Gateway, tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(url(gateway, **LIVE)) as ws:
        await ws.send_bytes(bytes(PIECE_BYTES))
        await until(lambda: gateway.speech.admission.streams == 1)
    await until(lambda: len(gateway.speech.admission) == 0)
    beginning = clip_file(tmp_path, "flac").read_bytes()[:20_000]
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /v1/listen HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n" + beginning)
    await until(lambda: len(gateway.speech.admission) == 1)
    writer.close()
    await writer.wait_closed()
    await until(lambda: len(gateway.speech.admission) == 0)


def test_keys_limits_and_drain(spoken: Spoken, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    file = clip_file(tmp_path, "flac").read_bytes()
    with (
        spoken.gateway(api_keys_file=str(keys)) as gateway,
        sdk(gateway, "wrong") as stranger,
        sdk(gateway, key) as client,
    ):
        with pytest.raises(ApiError) as refused:
            stranger.listen.v1.media.transcribe_file(request=file)
        assert refused.value.status_code == 401
        assert client.listen.v1.media.transcribe_file(request=file).metadata.duration == 4
        gateway.speech.admission.max_streams = 0
        with pytest.raises(ApiError) as refused:
            client.listen.v1.media.transcribe_file(request=file)
        assert refused.value.status_code == 429
        gateway.speech.admission.max_streams = 8
        with client.listen.v1.connect(**LIVE) as stream:
            stream.send_media(clip().tobytes())
            asyncio.run(until(lambda: gateway.speech.admission.streams == 1))
            draining = threading.Thread(target=spoken.drain, args=(gateway, PATIENTLY_S))
            draining.start()
            stream.send_close_stream()
            messages = list(stream)
            draining.join()
        assert said(of_type(messages, "Results")).startswith(WORDS)
        with pytest.raises(ApiError) as refused:
            client.listen.v1.media.transcribe_file(request=file)
        assert refused.value.status_code == 503


async def test_browsers_offer_the_key_as_a_subprotocol(spoken: Spoken, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    with spoken.gateway(api_keys_file=str(keys)) as gateway:
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(url(gateway, **LIVE), protocols=("token", "wrong"))
            assert refused.value.status == 401
        protocols = ("token", key)
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(url(gateway, **LIVE), protocols=protocols) as ws,
        ):
            assert ws.protocol == "token"
