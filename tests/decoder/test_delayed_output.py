"""An encoder whose output is later gives the words and times that it gives without that delay.

The later encoder is the bundled one (which may be late itself) behind a delay line, so everything but the
further delay is the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2, result_pb2
from amira_decoder.settings import DecoderSettings
from tests.conftest import MODEL, ROOT
from tests.decoder.conftest import DecoderServer, Request, Response, serving
from tests.support.delayed_model import write_delayed_model
from tests.support.features import fbank_of
from tests.support.geometry import FRAME_MS, encoder_frame_ms, geometry_of, lengths_around_a_chunk

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
GEOMETRY = geometry_of(MODEL)
ENCODER_FRAME_MS = encoder_frame_ms(GEOMETRY)
CHUNK = GEOMETRY.output_frames
SHORT = CHUNK * 3 // 8
"""Further delays in encoder frames: exactly a chunk, and within one."""
METHODS: list[config_pb2.DecodingMethod] = [
    config_pb2.DECODING_METHOD_K2,
    config_pb2.DECODING_METHOD_BEAM,
    config_pb2.DECODING_METHOD_GREEDY,
]


def settings(model_dir: Path, tail_padding_ms: int = 480) -> DecoderSettings:
    return DecoderSettings(
        model_dir=model_dir,
        encoder="in_process",
        in_process_engine="onnxruntime",  # Amira's own kernels know no delay lines
        in_process_slots=8,
        tail_padding_ms=tail_padding_ms,
    )


@pytest.fixture
async def decoder_server(model_dir: Path) -> AsyncIterator[DecoderServer]:
    """The bundled model as it is."""
    async with serving(settings(model_dir)) as server:
        yield server


def config(
    method: config_pb2.DecodingMethod = METHODS[0], *, endpoints: bool = False, interims: bool = False
) -> Any:
    preset = config_pb2.ENDPOINT_PRESET_STANDARD if endpoints else config_pb2.ENDPOINT_PRESET_OFF
    return config_pb2.RecognitionConfig(
        word_times=True,
        interim_results=interims,
        decoding_method=method,
        endpoint=config_pb2.EndpointConfig(preset=preset, max_segment={"seconds": 60}),
    )


def last_result(responses: list[Response]) -> result_pb2.StreamingResult:
    return [response.result for response in responses if response.HasField("result")][-1]


def words(responses: list[Response]) -> list[tuple[str, int, int]]:
    return [
        (word.text, word.start.ToMilliseconds(), word.end.ToMilliseconds())
        for response in responses
        if response.HasField("result") and response.result.is_final
        for word in response.result.alternatives[0].words
    ]


def boundaries(responses: list[Response]) -> list[int]:
    """Takes the warm-ups out of the points of return; gives the frames that the encoder had eaten there."""
    eaten = []
    for response in responses:
        if response.HasField("resume"):
            point = response.resume
            eaten.append(point.first_frame + point.warm_up_chunks * GEOMETRY.chunk_frames)
            point.ClearField("first_frame")
            point.ClearField("warm_up_chunks")
    return eaten


async def flushed_twice(server: DecoderServer, frames: NDArray[np.float32], cut: int) -> list[Response]:
    """Frames, FLUSH, all frames again, FLUSH, a few more frames, end; with a mark after each."""
    pieces: list[Request] = [Request(config=config())]
    for number, part in enumerate((frames[:cut], frames, frames[:150])):
        pieces += [Request(features=part[i : i + 50].tobytes()) for i in range(0, len(part), 50)]
        pieces += [Request(flush={}), Request(mark={"id": str(number)})]
    return await server.exchange([*pieces, Request(end={})])


@pytest.mark.parametrize("delay_frames", [SHORT, CHUNK])
async def test_same_words_and_times(
    decoder_server: DecoderServer, model_dir: Path, tmp_path: Path, delay_frames: int
) -> None:
    frames = fbank_of(CLIP)[:1100]
    late_dir = write_delayed_model(model_dir, tmp_path / "late", delay_frames)
    async with serving(settings(late_dir)) as late:
        for method in METHODS:
            expected = await decoder_server.decode(frames, config(method))
            got = await late.decode(frames, config(method))
            assert words(got) == words(expected)
            assert len(words(got)) > 10
            assert last_result(got) == last_result(expected)
            assert got[-1].decoded_frames == len(frames)


async def test_a_delay_of_whole_chunks_changes_no_response(
    decoder_server: DecoderServer, model_dir: Path, tmp_path: Path
) -> None:
    """Interims, events, endpoints, positions: the same messages, one chunk of audio later."""
    frames = fbank_of(CLIP)
    late_dir = write_delayed_model(model_dir, tmp_path / "late", CHUNK)
    wanted = config(endpoints=True, interims=True)
    async with serving(settings(late_dir)) as late:
        expected = await decoder_server.decode(frames, wanted)
        got = await late.decode(frames, wanted)
    assert boundaries(got) == [frame + GEOMETRY.chunk_frames for frame in boundaries(expected)]
    assert got[1:] == expected[1:]
    assert len({r.result.segment_id for r in got if r.HasField("result")}) >= 2
    accepted, was = got[0].accepted.model, expected[0].accepted.model
    assert accepted.look_ahead.ToMilliseconds() == was.look_ahead.ToMilliseconds() + CHUNK * ENCODER_FRAME_MS
    assert accepted.chunk_duration == was.chunk_duration


@pytest.mark.parametrize("cut", [333, GEOMETRY.chunk_frames, 37])
async def test_flushes_lose_nothing_and_shift_nothing(model_dir: Path, tmp_path: Path, cut: int) -> None:
    """Both encoders hear the same padding: one because of its delay, the other because it is told to."""
    frames = fbank_of(CLIP)[:700]
    late_dir = write_delayed_model(model_dir, tmp_path / "late", SHORT)
    async with (
        serving(settings(late_dir, 480)) as late,
        serving(settings(model_dir, 480 + SHORT * ENCODER_FRAME_MS)) as plain,
    ):
        expected = await flushed_twice(plain, frames, cut)
        got = await flushed_twice(late, frames, cut)
    assert [r.result for r in got] == [r.result for r in expected]
    assert [r.mark for r in got] == [r.mark for r in expected]
    marks = [r.decoded_frames for r in got if r.HasField("mark")]
    assert marks == [cut, cut + 700, cut + 850]
    again = [begin for _, begin, _ in words(got) if cut * FRAME_MS <= begin < (cut + 700) * FRAME_MS]
    assert len(again) > 5


async def test_short_streams_give_what_they_gave(
    decoder_server: DecoderServer, model_dir: Path, tmp_path: Path
) -> None:
    """Down to streams that end before the first output comes."""
    late_dir = write_delayed_model(model_dir, tmp_path / "late", SHORT)
    async with serving(settings(late_dir)) as late:
        for frames in lengths_around_a_chunk(GEOMETRY):
            speech = fbank_of(CLIP)[60 : 60 + frames]
            got, expected = await late.decode(speech, config()), await decoder_server.decode(speech, config())
            assert words(got) == words(expected)


async def test_the_delay_is_real(decoder_server: DecoderServer, model_dir: Path, tmp_path: Path) -> None:
    """Without the metadata the words come out late: what the tests above compare is no accident."""
    frames = fbank_of(CLIP)[:700]
    silent_dir = write_delayed_model(model_dir, tmp_path / "late", SHORT, says_so=False)
    expected = words(await decoder_server.decode(frames, config()))
    async with serving(settings(silent_dir)) as silent:
        got = words(await silent.decode(frames, config()))
    shift_ms = SHORT * ENCODER_FRAME_MS
    assert got != expected
    assert (expected[1][0], expected[1][1] + shift_ms, expected[1][2] + shift_ms) in got
