"""Points of return on real speech with the bundled model: same words, times, ids and positions.

A whole stream is run undisturbed; then, from every point that the decoder named, what is left of it is
run on a fresh stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2, speech_pb2
from amira_decoder.settings import DecoderSettings
from tests.conftest import MODEL, ROOT, Utterance
from tests.decoder.conftest import DecoderServer, Request, Response, serving
from tests.support.features import fbank

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
RATE_HZ = 16_000
CONFIDENCE = 1e-3
"""The encoder counts positions from where it began, which shows in the last bits of its outputs."""

Samples = NDArray[np.float32]
Frames = NDArray[np.float32]
METHODS: dict[str, config_pb2.DecodingMethod] = {
    "k2": config_pb2.DECODING_METHOD_K2,
    "beam": config_pb2.DECODING_METHOD_BEAM,
    "greedy": config_pb2.DECODING_METHOD_GREEDY,
}


@dataclass
class LiveDecoder:
    """A decoder that outlasts a test's examples: its loop runs while something is exchanged."""

    runner: asyncio.Runner
    server: DecoderServer

    def exchange(self, streams: Sequence[Sequence[Request]]) -> list[list[Response]]:
        """Runs streams at once; gives the responses of each, without the first."""

        async def all_of_them() -> list[list[Response]]:
            return await asyncio.gather(*map(self.server.exchange, streams))

        return [responses[1:] for responses in self.runner.run(all_of_them())]


@pytest.fixture(scope="module")
def live() -> Iterator[LiveDecoder]:
    """One server for the module."""
    with asyncio.Runner() as runner:
        context = serving(DecoderSettings(model_dir=MODEL, encoder="in_process", in_process_slots=32))
        server = runner.run(context.__aenter__())
        try:
            yield LiveDecoder(runner, server)
        finally:
            runner.run(context.__aexit__(None, None, None))


def joined(recordings: Sequence[Samples], pauses_s: Sequence[float]) -> Frames:
    """Frames of recordings one after another, each followed by its pause."""
    parts = [
        part
        for recording, pause_s in zip(recordings, pauses_s, strict=True)
        for part in (recording, np.zeros(int(pause_s * RATE_HZ), np.float32))
    ]
    return fbank(np.concatenate(parts))


@cache
def clip() -> Samples:
    samples: Samples = soundfile.read(CLIP, dtype="float32")[0]
    return samples


@cache
def clip_frames() -> Frames:
    """The clip, silence that ends a segment without words, and the clip's beginning once more."""
    return joined([clip(), clip()[: 9 * RATE_HZ]], [4.2, 0.4])


def config_of(method: str) -> config_pb2.RecognitionConfig:
    return config_pb2.RecognitionConfig(
        decoding_method=METHODS[method], interim_results=True, word_times=True
    )


def requests(frames: Frames, controls: Sequence[tuple[int, Request]]) -> list[Request]:
    """Features, with each control behind as many frames as it names, and the end."""
    sent: list[Request] = []
    begin = 0
    for position, control in [*sorted(controls, key=lambda item: item[0]), (len(frames), Request(end={}))]:
        for first in range(begin, position, 37):
            sent.append(Request(features=frames[first : min(first + 37, position)].tobytes()))
        sent.append(control)
        begin = max(begin, position)
    return sent


def undisturbed_and_resumed(
    live: LiveDecoder,
    frames: Frames,
    config: config_pb2.RecognitionConfig,
    controls: Sequence[tuple[int, Request]] = (),
    most_points: int = 100,  # the last ones, which lie furthest from the beginning
) -> list[tuple[list[Response], list[Response]]]:
    """For each point of return: what came after it, and what came from a stream that began there."""
    (whole,) = live.exchange([[Request(config=config), *requests(frames, controls)]])
    places = [number for number, response in enumerate(whole) if response.HasField("resume")][-most_points:]
    rest = [_from_point(whole, number, frames, config, controls) for number in places]
    return [(whole[number + 1 :], got) for number, got in zip(places, live.exchange(rest), strict=True)]


def _from_point(
    whole: list[Response],
    number: int,
    frames: Frames,
    config: config_pb2.RecognitionConfig,
    controls: Sequence[tuple[int, Request]],
) -> list[Request]:
    point = whole[number].resume
    echoed = {response.mark.id for response in whole[:number]}
    now = config_pb2.RecognitionConfig()
    now.CopyFrom(config)
    left: list[tuple[int, Request]] = []
    for position, control in controls:
        if position >= point.first_frame:
            if not (control.HasField("mark") and control.mark.id in echoed):
                left.append((position - point.first_frame, control))
        elif control.HasField("update_config"):
            _fold(control.update_config, now)
    return [Request(config=now, resume=point), *requests(frames[point.first_frame :], left)]


def _fold(update: speech_pb2.UpdateConfig, config: config_pb2.RecognitionConfig) -> None:
    for field, _ in update.ListFields():
        if field.message_type is None:
            setattr(config, field.name, getattr(update, field.name))
        else:
            getattr(config, field.name).CopyFrom(getattr(update, field.name))


def assert_same(got: list[Response], expected: list[Response]) -> None:
    """Everything equal but the last digits of confidences."""
    assert confidences(got) == pytest.approx(confidences(expected), abs=CONFIDENCE)
    assert [without_confidences(response) for response in got] == [
        without_confidences(response) for response in expected
    ]


def confidences(responses: list[Response]) -> list[float]:
    return [
        confidence
        for response in responses
        for alternative in response.result.alternatives
        for confidence in (alternative.confidence, *(word.confidence for word in alternative.words))
    ]


def without_confidences(response: Response) -> Response:
    bare = Response()
    bare.CopyFrom(response)
    for alternative in bare.result.alternatives:
        alternative.ClearField("confidence")
        for word in alternative.words:
            word.ClearField("confidence")
    return bare


@pytest.mark.parametrize("method", METHODS)
def test_the_rest_is_the_same_from_every_point(live: LiveDecoder, method: str) -> None:
    controls = [
        (500, Request(mark={"id": "a"})),
        (1111, Request(flush={})),
        (1111, Request(update_config={"endpoint": {"preset": config_pb2.ENDPOINT_PRESET_VERY_SHORT}})),
        (1500, Request(flush={})),
        (2900, Request(mark={"id": "b"})),
    ]
    pairs = undisturbed_and_resumed(live, clip_frames(), config_of(method), controls)
    assert len(pairs) > 5
    assert max(response.resume.first_frame for response in pairs[0][0]) > 0
    for expected, got in pairs:
        assert_same(got, expected)
    assert {r.mark.id for r in pairs[0][1]} > {"b"}


@pytest.mark.parametrize("method", METHODS)
def test_the_rest_is_the_same_for_many_speakers(
    live: LiveDecoder, speech: list[Utterance], method: str
) -> None:
    chosen = speech[list(METHODS).index(method) :: len(speech) // 4][:4]
    recordings = [soundfile.read(one.path, dtype="float32")[0] for one in chosen]
    frames = joined(recordings, [0.2 + 0.57 * number for number in range(len(recordings))])
    pairs = undisturbed_and_resumed(live, frames, config_of(method))
    assert len(pairs) > 3
    assert max(response.resume.first_frame for response in pairs[0][0]) > 0
    for expected, got in pairs:
        assert_same(got, expected)


@st.composite
def controls_strategy(draw: st.DrawFn) -> list[tuple[int, Request]]:
    """Controls anywhere in the clip, in the order in which they are sent."""
    updates = [
        {"interim_results": False},
        {"interim_results": True},
        {"endpoint": {"preset": config_pb2.ENDPOINT_PRESET_SHORT}},
        {"endpoint": {"preset": config_pb2.ENDPOINT_PRESET_OFF}},
        {"hotwords": {"phrases": [{"phrase": "rather selfish", "boost": 3}]}},
        {"hotwords": {}},
    ]
    places = sorted(draw(st.lists(st.integers(0, len(clip_frames())), max_size=8)))
    kinds = st.one_of(
        st.just(Request(flush={})),
        st.builds(lambda: Request(mark={"id": "m"})),  # each its own, for the test numbers them
        st.sampled_from(updates).map(lambda update: Request(update_config=update)),  # type: ignore[arg-type]
    )
    return [(place, draw(kinds)) for place in places]


@settings(deadline=None, max_examples=3, suppress_health_check=list(HealthCheck))
@given(controls_strategy(), st.sampled_from(["k2", "beam"]))
def test_controls_may_fall_anywhere(
    live: LiveDecoder, controls: list[tuple[int, Request]], method: str
) -> None:
    for number, (_, control) in enumerate(controls):
        if control.HasField("mark"):
            control.mark.id = f"m{number}"
    for expected, got in undisturbed_and_resumed(live, clip_frames(), config_of(method), controls, 3):
        assert_same(got, expected)
