"""Files over OpenAI's REST API, by its own unmodified client."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from tests.gateway.access.door import add_key
from tests.gateway.scripted import until
from tests.support.spoken import WORDS, Gateway, Spoken, broken_flac, clip, clip_file


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.http}/v1", api_key="any", max_retries=0) as made:
        yield made


@pytest.fixture
def flac(tmp_path: Path) -> Path:
    return clip_file(tmp_path, "flac")


@pytest.mark.parametrize("suffix", ["flac", "wav", "ogg"])
def test_a_file(client: openai.OpenAI, tmp_path: Path, suffix: str) -> None:
    heard = client.audio.transcriptions.create(model="whisper-1", file=clip_file(tmp_path, suffix))
    assert heard.text.startswith(WORDS)
    assert heard.usage is not None
    assert heard.usage.type == "duration"
    assert heard.usage.seconds == 4


async def test_a_file_by_the_asynchronous_client(gateway: Gateway, flac: Path) -> None:
    async with openai.AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key="any") as client:
        heard = await client.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=flac, language="en", include=["logprobs"]
        )
        events = [
            event
            async for event in await client.audio.transcriptions.create(
                model="gpt-4o-transcribe", file=flac, stream=True
            )
        ]
    assert heard.text.startswith(WORDS)
    assert heard.logprobs is not None
    assert "".join(entry.token or "" for entry in heard.logprobs) == heard.text
    assert all(entry.logprob is not None and entry.logprob <= 0 for entry in heard.logprobs)
    assert [event.type for event in events][-1] == "transcript.text.done"
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert "".join(deltas) == events[-1].text == heard.text


def test_deltas_are_segments(client: openai.OpenAI, tmp_path: Path) -> None:
    path = clip_file(tmp_path, "flac", 12)
    events = list(
        client.audio.transcriptions.create(
            model="whisper-1",
            file=path,
            stream=True,
            chunking_strategy={"type": "server_vad", "silence_duration_ms": 200},
        )
    )
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == events[-1].text  # type: ignore[union-attr]  # the last one is `done`


def test_times(client: openai.OpenAI, flac: Path) -> None:
    heard = client.audio.transcriptions.create(
        model="whisper-1",
        file=flac,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert (heard.language, heard.duration) == ("english", 4.0)
    assert heard.words is not None
    assert heard.segments is not None
    assert [word.word for word in heard.words] == heard.text.split()
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] <= 4
    assert heard.segments[0].start == times[0]
    assert heard.segments[0].avg_logprob < 0
    by_segment = client.audio.transcriptions.create(
        model="whisper-1", file=flac, response_format="verbose_json"
    )
    assert by_segment.words is None
    assert by_segment.segments == heard.segments


def test_subtitles_and_text(client: openai.OpenAI, tmp_path: Path) -> None:
    path = clip_file(tmp_path, "flac", 12)
    answers = {
        kind: client.audio.transcriptions.create(model="whisper-1", file=path, response_format=kind)  # type: ignore[call-overload]  # a literal each
        for kind in ("text", "srt", "vtt")
    }
    text = answers["text"].strip()
    assert text.startswith(WORDS)
    srt = re.findall(r"(\d+)\n(\S+) --> (\S+)\n(.+)\n\n", answers["srt"])
    assert [number for number, *_ in srt] == [str(number) for number in range(1, len(srt) + 1)]
    assert len(srt) > 1
    assert " ".join(words for *_, words in srt) == text
    assert all(re.fullmatch(r"00:00:\d\d,\d{3}", time) for _, *times, _ in srt for time in times)
    assert answers["vtt"].startswith("WEBVTT\n\n00:00:")
    assert answers["vtt"].count(" --> ") == len(srt)


def test_keywords_are_favoured_and_what_has_no_effect_is_named(client: openai.OpenAI, flac: Path) -> None:
    answer = client.audio.transcriptions.with_raw_response.create(
        model="whisper-1", file=flac, keywords=["ill disposed"], prompt="A novel.", temperature=0.2
    )
    assert answer.parse().text.startswith(WORDS)
    assert answer.headers["amira-ignored"] == "prompt, temperature"
    assert answer.request_id


def test_what_is_not_served_says_what_is(client: openai.OpenAI, flac: Path) -> None:
    for ask in (
        lambda: client.audio.speech.create(model="tts-1", voice="alloy", input="any"),
        lambda: client.chat.completions.create(model="any", messages=[]),
    ):
        with pytest.raises(openai.NotFoundError, match=r"POST /v1/audio/transcriptions") as refused:
            ask()
        assert "GET /v1/models/{id}" in refused.value.message
        assert "HEAD" not in refused.value.message


def test_models(client: openai.OpenAI, flac: Path) -> None:
    [model] = client.models.list().data
    assert client.models.retrieve(model.id).id == model.id
    assert client.audio.transcriptions.create(model=model.id, file=flac).text.startswith(WORDS)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("none")


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"response_format": "diarized_json"}, "response_format"),
        ({"language": "fr"}, "language"),
        ({"timestamp_granularities": ["word"]}, "verbose_json"),
        ({"known_speaker_names": ["a"]}, "speakers"),
        ({"keywords": ["x" * 101]}, "characters"),
        ({"chunking_strategy": {"type": "server_vad", "silence_duration_ms": -5}}, "silence_after_speech"),
        ({"extra_body": {"stream": "perhaps"}}, "stream"),
        ({"file": ("clip.mp3", b"ID3" + bytes(2_000))}, "flac, ogg (Opus), wav"),
        ({"file": ("clip.wav", b"RIFF\0\0\0\0WAVE" + bytes(2_000))}, "WAV"),
        ({"file": ("clip.flac", broken_flac())}, "corrupt"),
        ({"file": ("empty.wav", b"")}, "flac, ogg (Opus), wav"),
    ],
)
def test_what_cannot_be_done_is_said(
    client: openai.OpenAI, flac: Path, wishes: dict[str, object], says: str
) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError, match=re.escape(says)) as refused:
            client.audio.transcriptions.create(
                **{"model": "whisper-1", "file": flac, "stream": stream} | wishes  # type: ignore[arg-type]  # any wishes
            )
        assert refused.value.type == "invalid_request_error"
        assert refused.value.code


def test_a_model_that_is_not_there(client: openai.OpenAI, flac: Path) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.audio.transcriptions.create(model="nothing", file=flac)
    assert refused.value.code == "model_not_found"


def test_a_file_that_is_too_large(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.audio.transcriptions.create(model="whisper-1", file=("clip.wav", b"RIFF" + bytes(400_001)))
    assert refused.value.status_code == 413
    assert refused.value.type == "invalid_request_error"


def test_keys_and_limits(spoken: Spoken, tmp_path: Path, flac: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    with spoken.gateway(api_keys_file=str(keys), max_streams=1) as gateway:
        url = f"{gateway.http}/v1"
        with openai.OpenAI(base_url=url, api_key="wrong", max_retries=0) as stranger:
            for ask in (stranger.models.list, lambda: stranger.audio.transcriptions.create(
                model="whisper-1", file=flac
            )):  # fmt: skip
                with pytest.raises(openai.AuthenticationError) as refused:
                    ask()
                assert refused.value.code == "invalid_api_key"
        with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
            assert client.audio.transcriptions.create(model="whisper-1", file=flac).text
            gateway.speech.admission.max_streams = 0
            with pytest.raises(openai.RateLimitError) as full:
                client.audio.transcriptions.create(model="whisper-1", file=flac)
            assert full.value.code == "rate_limit_exceeded"
            assert int(full.value.response.headers["retry-after"]) > 0


def test_a_drain_lets_files_finish_and_refuses_new_ones(spoken: Spoken, flac: Path) -> None:
    with spoken.gateway() as gateway:
        url = f"{gateway.http}/v1"
        with openai.OpenAI(base_url=url, api_key="any", max_retries=0) as client:
            events = client.audio.transcriptions.create(model="whisper-1", file=flac, stream=True)
            spoken.drain(gateway, 20)
            kinds = [event.type for event in events]
            assert kinds[-1] == "transcript.text.done"
            with pytest.raises(openai.InternalServerError) as refused:
                client.audio.transcriptions.create(model="whisper-1", file=flac)
            assert refused.value.status_code == 503
            assert refused.value.type == "server_error"


def form(*parts: tuple[str, bytes]) -> bytes:
    lines = []
    for name, content in parts:
        lines.append(
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + content + b"\r\n"
        )
    return b"".join(lines) + b"--b--\r\n"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=b", b"no parts"),
        ("multipart/form-data; boundary=b", form(("file", b"fLaC"))[:60]),
        ("multipart/form-data", b"--b"),
        ("multipart/form-data; boundary=b", form(("model", b"whisper-1"))),
        ("multipart/form-data; boundary=b", form(("model", b"\xff"), ("file", b"fLaC"))),
        ("multipart/form-data; boundary=b", form(("file", b"fLaC"), ("file", b"fLaC"))),
        ("multipart/form-data; boundary=b", form(*[("x", b"")] * 1_001)),
        ("application/json", b"{}"),
        ("multipart/form-data; boundary=b", form(("chunking_strategy", b"[" * 100_000), ("file", b"fLaC"))),
    ],
)
async def test_bodies_that_are_no_form(gateway: Gateway, kind: str, body: bytes) -> None:
    async with aiohttp.ClientSession() as http:
        url = f"{gateway.http}/v1/audio/transcriptions"
        async with http.post(url, data=body, headers={"Content-Type": kind}) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["type"] == "invalid_request_error"


async def test_the_file_may_come_first(gateway: Gateway) -> None:
    body = form(("file", long_wav()), ("model", b"whisper-1"), ("response_format", b"text"))
    async with aiohttp.ClientSession() as http:
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        async with http.post(f"{gateway.http}/v1/audio/transcriptions", data=body, headers=headers) as answer:
            assert (await answer.text()).startswith(WORDS)


async def test_a_page_from_elsewhere_may_not_send_files(gateway: Gateway) -> None:
    async with aiohttp.ClientSession(headers={"Origin": "https://elsewhere.example"}) as http:
        data = aiohttp.FormData({"model": "whisper-1"})
        data.add_field("file", long_wav(), filename="clip.wav")
        async with http.post(f"{gateway.http}/v1/audio/transcriptions", data=data) as answer:
            assert answer.status == 403


async def test_a_client_that_leaves_frees_its_place(gateway: Gateway) -> None:
    """After its upload, and in the middle of it."""
    whole = form(("model", b"whisper-1"), ("stream", b"true"), ("file", long_wav()))
    for sent in (whole, whole[:20_000]):
        reader, writer = await begin_upload(gateway, len(whole), sent)
        await writer.drain()
        if sent is whole:
            assert b"200 OK" in await reader.readline()
        writer.close()
        await writer.wait_closed()
        await until(lambda: len(gateway.speech.admission) == 0)


async def begin_upload(gateway: Gateway, size: int, content: bytes) -> Any:
    """A request of so many bytes, of which some are sent: its reader and writer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = (
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {size}\r\n\r\n"
    )
    writer.write(head.encode() + content)
    return reader, writer


async def test_uploads_share_a_bound(spoken: Spoken) -> None:
    whole = form(("model", b"whisper-1"), ("file", long_wav()))
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    with spoken.gateway(web_uploads_bytes=400_000) as gateway:
        url = f"{gateway.http}/v1/audio/transcriptions"
        reader, writer = await begin_upload(gateway, len(whole), whole[:300_000])
        async with aiohttp.ClientSession(headers=headers) as http:
            async with http.post(url, data=whole) as answer:
                first = answer.status
            if first == 200:  # it was quicker, and the other one was refused
                assert b" 429 " in await reader.readline()
            else:
                assert first == 429
            writer.close()
            await writer.wait_closed()
            last = 429
            async with asyncio.timeout(60):
                while last == 429:  # until the gateway has noticed
                    async with http.post(url, data=whole) as answer:
                        last = answer.status
            assert last == 200


async def test_an_upload_that_dawdles_is_given_up(spoken: Spoken) -> None:
    with spoken.gateway(unary_read_timeout_s=0.3) as gateway:
        reader, writer = await begin_upload(gateway, 1_000, b"--b\r\n")
        async with asyncio.timeout(60):
            assert b" 409 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


def long_wav() -> bytes:
    """Twelve seconds as WAV."""
    pcm = clip(12).tobytes()
    header = b"RIFF" + bytes(4) + b"WAVEfmt " + (16).to_bytes(4, "little")
    fields = [(1, 2), (1, 2), (16_000, 4), (32_000, 4), (2, 2), (16, 2)]
    header += b"".join(value.to_bytes(size, "little") for value, size in fields)
    return header + b"data" + bytes(4) + pcm
