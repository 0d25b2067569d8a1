"""Whole recordings: transcribe, recognize, capabilities, pacing."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from amira_client import (
    AmiraClient,
    AudioEncoding,
    RecognitionConfig,
    ServerError,
    UnreadableAudioError,
    open_audio,
)
from amira_client.errors import ERROR_DOMAIN
from amira_client.pacing import paced
from amira_core import errors
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, result, session

RATE = 16000


def flac(seconds: float = 0.5) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(1).normal(0, 900, int(seconds * RATE)).astype(np.int16)
    soundfile.write(buffer, noise, RATE, format="FLAC")
    return buffer.getvalue()


async def test_a_file_goes_out_as_it_is(server: ScriptedSpeech, client: AmiraClient, tmp_path: Path) -> None:
    path = tmp_path / "speech.flac"
    path.write_bytes(flac())
    transcript = await client.transcribe(path, RecognitionConfig(max_alternatives=3))
    assert server.requests[0].config.encoding == AudioEncoding.AUDIO_ENCODING_FLAC
    assert server.requests[0].config.max_alternatives == 3
    assert server.audio == path.read_bytes()
    assert transcript.text == f"{path.stat().st_size} bytes"
    assert transcript.session.model == "scripted"
    assert transcript.wait_after_audio_s is not None


async def test_what_the_server_does_not_take_is_decoded(server: ScriptedSpeech, client: AmiraClient) -> None:
    server.encodings = [AudioEncoding.AUDIO_ENCODING_LINEAR16]
    transcript = await client.transcribe(flac(0.5))
    assert transcript.text == f"{RATE} bytes"
    assert server.requests[0].config.sample_rate_hz == RATE


async def test_pacing_sends_every_sample_at_its_time(server: ScriptedSpeech, client: AmiraClient) -> None:
    loop = asyncio.get_running_loop()
    start, seen = loop.time(), []
    transcript = await client.transcribe(flac(1.0), real_time_factor=4, on_response=seen.append)
    assert loop.time() - start >= 0.25  # never earlier than it could have been spoken
    assert transcript.audio_s == 1.0
    assert transcript.text == f"{2 * RATE} bytes"
    assert sum(response.HasField("result") for response in seen) == 11


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan")])
async def test_a_pace_that_is_none_is_refused(client: AmiraClient, factor: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        await asyncio.wait_for(client.transcribe(flac(), real_time_factor=factor), 60)


async def test_compressed_audio_cannot_be_paced_as_it_is() -> None:
    with pytest.raises(ValueError, match="paced=True"):
        await anext(paced(open_audio(flac()), 1.0))


async def test_finals_before_an_error_are_told_and_the_error_is_raised(
    server: ScriptedSpeech, client: AmiraClient
) -> None:
    async def fail(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        yield result("so far so good", final=True)
        raise errors.DecoderLostError("The decoder is gone.")

    server.script = fail
    seen = []
    with pytest.raises(ServerError) as caught:
        await client.transcribe(flac(), on_response=seen.append)
    assert caught.value.reason == "DECODER_LOST"
    assert caught.value.retry_after_s == 0.5
    assert [r.result.alternatives[0].text for r in seen if r.HasField("result")] == ["so far so good"]


async def test_a_failing_callback_ends_the_call(client: AmiraClient) -> None:
    def fail(response: object) -> None:
        raise KeyError("callback")

    with pytest.raises(KeyError):
        await client.transcribe(flac(), on_response=fail)


async def test_cancelling_leaves_no_task_behind(client: AmiraClient) -> None:
    transcribing = asyncio.create_task(client.transcribe(flac(5), real_time_factor=1))
    await asyncio.sleep(0.3)
    transcribing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await transcribing
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("amira-")]


async def test_text_joins_the_best_readings(server: ScriptedSpeech, client: AmiraClient) -> None:
    async def finals(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        async for request in requests:
            if request.HasField("control"):
                break
        for segment, text in enumerate(["he was", "", "unless to be"]):
            yield result("interim", final=False, segment=segment)
            yield result(text, final=True, segment=segment)

    server.script = finals
    transcript = await client.transcribe(flac())
    assert transcript.text == "he was unless to be"
    assert len(transcript.finals) == 3


async def test_unary_recognition(server: ScriptedSpeech, client: AmiraClient) -> None:
    content = flac()
    response = await client.recognize(content, RecognitionConfig(word_times=True))
    assert response.results[0].alternatives[0].text == f"{len(content)} bytes"
    assert server.unary_requests[0].config.word_times
    assert server.unary_requests[0].config.encoding == AudioEncoding.AUDIO_ENCODING_FLAC


async def test_garbage_is_refused_before_anything_is_sent(
    server: ScriptedSpeech, client: AmiraClient
) -> None:
    with pytest.raises(UnreadableAudioError):
        await client.transcribe(b"not audio")
    assert server.requests == []


async def test_capabilities_are_asked_once(server: ScriptedSpeech, client: AmiraClient) -> None:
    first = await client.capabilities()
    server.encodings = []
    assert await client.capabilities() is first
    assert len(first.encodings) == 7


def test_the_client_needs_only_light_packages() -> None:
    code = (
        "import sys, amira_client; "
        "heavy = {'numpy', 'soundfile', 'torch', 'rich', 'pydantic', 'amira_core', 'structlog'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_error_domain_is_the_servers() -> None:
    assert ERROR_DOMAIN == errors.ERROR_DOMAIN
