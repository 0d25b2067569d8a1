"""A server that lets no stream be longer than so: all sound is sent, all words stand where they were said."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from amira.asr.v1 import speech_pb2
from amira_client.microphone import playback
from amira_core import errors
from amira_core.subtitles import seconds
from amira_local.mic import run
from amira_local.mic.onward import Onward
from amira_local.request import recognition_config
from amira_local.security.server_access import ServerAccess
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, result, session

RATE_HZ = 16000
LONGEST_SAMPLES = 12_345
"""Of a stream; pieces are cut by it."""


def answer(received_offset: int) -> speech_pb2.StreamingRecognizeResponse:
    return speech_pb2.StreamingRecognizeResponse(received_offset=received_offset)


@given(
    pieces=st.lists(st.integers(1, 500), max_size=30),
    taken=st.lists(st.integers(0, 3000), min_size=1, max_size=5),
)
def test_what_a_stream_did_not_take_the_next_one_gets(pieces: list[int], taken: list[int]) -> None:
    sound = np.arange(sum(pieces), dtype="<i2").tobytes()
    onward, place = Onward(RATE_HZ), 0
    for samples in pieces:
        onward.sent(sound[2 * place : 2 * (place + samples)])
        place += samples
    left, before = sound, 0
    for offset in taken:
        onward.heard(answer(min(offset, len(left) // 2)))
        onward.heard(answer(0))  # an answer that knows less
        before += min(offset, len(left) // 2)
        left = left[2 * min(offset, len(left) // 2) :]
        assert b"".join(onward.next_stream()) == left
    placed = onward.placed(result("he", final=True, segment=2).result)
    assert seconds(placed.audio_processed) == pytest.approx(before / RATE_HZ, abs=0.001)


async def count_samples(server: ScriptedSpeech, requests: Requests) -> Responses:
    """A final with the first sample's value, then the limit: what goes beyond it is not taken."""
    yield session()
    received, first = b"", None
    async for request in requests:
        server.requests.append(request)
        received += request.audio.content
        first = np.frombuffer(received[:2], "<i2")[0] if received else first
        ended = request.control.HasField("end_of_audio")
        if len(received) >= 2 * LONGEST_SAMPLES or ended:
            response = result(f"from {first}", final=True)
            samples = min(len(received) // 2, LONGEST_SAMPLES)
            response.received_offset = samples
            response.result.audio_processed.FromMilliseconds(samples * 1000 // RATE_HZ)
            yield response
            if ended and len(received) <= 2 * LONGEST_SAMPLES:
                return
            raise errors.StreamTooLongError("The stream is too long.")


async def listen(server: ScriptedSpeech, path: Path) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    options = run.MicOptions(capture=playback(path, speed=50, silence_after_s=0))
    status = await run.listen(
        server.target, recognition_config(), options, access=ServerAccess(), out=Console(file=out, width=200),
        err=Console(file=err, width=200),
    )  # fmt: skip
    return status, out.getvalue(), err.getvalue()


async def test_the_transcript_goes_on_in_another_stream(tmp_path: Path) -> None:
    path = tmp_path / "counting.wav"
    soundfile.write(path, np.arange(1, 32_001, dtype=np.int16), RATE_HZ)
    async with ScriptedSpeech(count_samples) as server:
        status, out, err = await listen(server, path)
    assert (status, err) == (0, "")
    assert out == "[   0.00    0.77] from 1\n[   0.77    1.54] from 12346\n[   1.54    2.00] from 24691\n"


async def test_a_server_that_takes_nothing_is_not_asked_for_ever(tmp_path: Path) -> None:
    async def too_long(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        raise errors.StreamTooLongError("The stream is too long.")

    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(3200, np.int16), RATE_HZ)
    async with ScriptedSpeech(too_long) as server:
        status, _, err = await listen(server, path)
    assert status == 1
    assert "The stream is too long." in err
