"""Points of return: a second stream that begins at one gives what the first gave after it, to the bit.

An encoder and a search stand in that show every mistake at once: the encoder's outputs depend on all
frames that it remembers, and those that stand for time before its start are poison.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_decoder.controls import Control, End, Flush, MarkPassed, Update
from amira_decoder.encoder.base import EncoderGeometry
from amira_decoder.model.folder import TransducerFolder
from amira_decoder.results.endpoint import EndpointRules
from amira_decoder.resume import FROM_THE_START, ChunkStarts, ResumeFrom, WarmUp
from amira_decoder.search.hypothesis import Hypothesis
from amira_decoder.search_step import search_step
from amira_decoder.segment_tracker import SegmentTracker, TrackerOptions
from amira_decoder.slots import Slot
from amira_decoder.stream import DecodingStream, StreamLimits
from tests.conftest import MODEL

TOKENS = TransducerFolder.open(MODEL).tokens
CHUNK, OUTPUTS = 8, 2
SPAN = CHUNK // OUTPUTS
ENCODER_FRAME_MS = 40
POISON = 1e9

Step = list[int] | Control
"""Values of frames (0: silence), or what comes between them."""


class RememberingEncoder:
    """Each output tells of the frames it stands for and of `memory_frames` before them."""

    def __init__(self, geometry: EncoderGeometry, memory_frames: int) -> None:
        self.geometry = geometry
        self.memory_frames = memory_frames
        self.fed: list[float] = []

    def step(self, window: NDArray[np.float32], reset: bool) -> NDArray[np.float32]:
        if reset:
            self.fed = []
        first = len(self.fed) // SPAN - self.geometry.output_delay_frames
        self.fed += window[:CHUNK, 0].tolist()
        return np.array([[[self._output(first + i)] for i in range(OUTPUTS)]], np.float32)

    def _output(self, position: int) -> float:
        if position < 0:
            return POISON
        begin, end = position * SPAN, (position + 1) * SPAN
        if max(self.fed[begin:end]) <= 0:
            return 0
        return 1 + sum(7 * value + 1 for value in self.fed[max(0, begin - self.memory_frames) : end]) % 200


@dataclass
class ToldSegment:
    """What a segment heard."""

    hotwords: int
    outputs: list[float] = field(default_factory=list)

    @property
    def num_frames(self) -> int:
        return len(self.outputs)


class TellingSearch:
    """Every output that is not 0 is a token, shifted by the segment's hotwords."""

    name: Literal["greedy"] = "greedy"

    def start_segment(self, hotwords: Any = None) -> ToldSegment:
        return ToldSegment(hotwords or 0)

    def advance(self, segments: Sequence[ToldSegment], encoder_out: NDArray[np.float32]) -> None:
        for segment, outputs in zip(segments, encoder_out[:, :, 0].tolist(), strict=True):
            assert POISON not in outputs
            segment.outputs += outputs

    def best(self, segments: Sequence[ToldSegment]) -> list[Hypothesis]:
        return [self.n_best(segment, 1)[0] for segment in segments]

    def n_best(self, segment: ToldSegment, count: int) -> list[Hypothesis]:
        frames = [frame for frame, output in enumerate(segment.outputs) if output]
        tokens = [int(segment.outputs[frame]) + segment.hotwords for frame in frames]
        return [Hypothesis(tuple(tokens), tuple(frames), (-0.5,) * len(tokens), 0.0)]


@dataclass(frozen=True)
class Setting:
    """A decoder's shape."""

    delay: int = 0
    look_ahead: int = 5
    tail_frames: int = 5
    memory_frames: int = 24

    @property
    def geometry(self) -> EncoderGeometry:
        return EncoderGeometry(CHUNK + self.look_ahead, CHUNK, 2, OUTPUTS, 1, self.delay)

    @property
    def warm_up_frames(self) -> int:
        """What the encoder remembers before the first output that is searched."""
        return self.memory_frames + self.geometry.delay_frames if self.memory_frames else 0


RULES = EndpointRules(silence_without_speech_ms=480, silence_after_speech_ms=240, max_segment_ms=2400)
OPTIONS = TrackerOptions(RULES, None, interim_results=True, word_times=True, max_alternatives=1)


def play(
    setting: Setting,
    steps: Sequence[Step],
    options: TrackerOptions = OPTIONS,
    resume: ResumeFrom = FROM_THE_START,
    *,
    at_once: bool = False,
) -> list[decoder_pb2.DecodeResponse]:
    """All responses of a stream; decodes after every step, or only once all have come."""
    search, encoder = TellingSearch(), RememberingEncoder(setting.geometry, setting.memory_frames)
    begin = replace(options, segment_id=resume.segment_id, segment_start_frame=resume.segment_start_frame)
    stream = DecodingStream(
        stream_id="s",
        slot=Slot(0, 1),
        geometry=setting.geometry,
        tracker=SegmentTracker(cast(Any, search), TOKENS, ENCODER_FRAME_MS, begin),
        limits=StreamLimits(setting.tail_frames, 10_000, 10_000, warm_up_frames=setting.warm_up_frames),
        wake_scheduler=lambda: None,
        resume=resume,
    )
    responses: list[decoder_pb2.DecodeResponse] = []

    def decode() -> None:
        while stream.ready:
            job = stream.take_job()
            if stream.closed:
                asyncio.run(_read(stream))
            frames = np.zeros((0, OUTPUTS, 1), np.float32)
            if job.window is not None:
                frames = encoder.step(job.window, job.reset)
            responses.extend(search_step([job], frames)[0].responses)

    for step in steps:
        if isinstance(step, list):
            asyncio.run(stream.add_features(np.array(step, np.float32)[:, None].repeat(2, 1).tobytes()))
        else:
            stream.add_control(step)
        if not at_once:
            decode()
    decode()
    assert not stream.ready
    return responses


async def _read(stream: DecodingStream) -> None:
    """Raises what the stream failed with."""
    async for _ in stream.responses():
        pass


def rest_from(
    steps: Sequence[Step], first_frame: int, options: TrackerOptions, echoed: set[str]
) -> tuple[list[Step], TrackerOptions]:
    """What is sent from a frame on, as a gateway does it: earlier settings in the options, no mark twice."""
    rest: list[Step] = []
    position = 0
    for step in steps:
        if isinstance(step, list):
            rest.append(step[max(0, first_frame - position) :])
            position += len(step)
        elif position < first_frame:
            options = _with(options, step) if isinstance(step, Update) else options
        elif not (isinstance(step, MarkPassed) and step.mark_id in echoed):
            rest.append(step)
    return rest, options


def _with(options: TrackerOptions, update: Update) -> TrackerOptions:
    if update.endpoint is not None:
        options = replace(options, endpoint=update.endpoint)
    if update.interim_results is not None:
        options = replace(options, interim_results=update.interim_results)
    return replace(options, hotwords=update.hotwords) if update.replace_hotwords else options


def numbered(steps: Sequence[Step]) -> list[Step]:
    """Marks with ids of their own, and an end."""
    named = [MarkPassed(str(i)) if isinstance(step, MarkPassed) else step for i, step in enumerate(steps)]
    return [*named, End()]


updates = st.one_of(
    st.builds(Update, interim_results=st.booleans()),
    st.builds(Update, replace_hotwords=st.just(True), hotwords=st.integers(1, 9).map(lambda n: cast(Any, n))),
    st.builds(
        Update,
        endpoint=st.builds(
            EndpointRules, st.sampled_from([None, 320]), st.sampled_from([None, 160]), st.just(1200)
        ),
    ),
)
counts = st.one_of(st.integers(1, 80), st.integers(1, 10).map(lambda chunks: chunks * CHUNK))
speech = st.builds(lambda count, seed: [1 + seed * i % 47 for i in range(count)], counts, st.integers(1, 46))
silence = counts.map(lambda count: [0] * count)
steps_strategy = st.lists(
    st.one_of(speech, speech, silence, silence, st.just(Flush()), st.just(MarkPassed("")), updates),
    min_size=1,
    max_size=24,
)
setting_strategy = st.builds(
    Setting,
    delay=st.integers(0, 7),
    look_ahead=st.sampled_from([0, 2, 5]),
    tail_frames=st.sampled_from([0, 5, 20]),
    memory_frames=st.sampled_from([0, 7, 24, 64]),
)


@settings(deadline=None, max_examples=150)
@given(setting_strategy, steps_strategy, st.booleans(), st.booleans())
@example(Setting(), [[1] * 30, [0] * 40, Flush(), [2] * 200, [0] * 60, [3] * 50], False, True)
@example(Setting(1, 0, 0, 0), [[0] * 45, MarkPassed(""), [0] * 4], False, False)
def test_from_every_point_of_return_everything_is_as_it_was(
    setting: Setting, drawn: list[Step], first_at_once: bool, second_at_once: bool
) -> None:
    steps = numbered(drawn)
    whole = play(setting, steps, at_once=first_at_once)
    for number, response in enumerate(whole):
        if not response.HasField("resume"):
            continue
        echoed = {earlier.mark.id for earlier in whole[:number]}
        rest, options = rest_from(steps, response.resume.first_frame, OPTIONS, echoed)
        resumed = play(setting, rest, options, ResumeFrom.parse(response.resume), at_once=second_at_once)
        assert resumed == whole[number + 1 :]


@settings(deadline=None)
@given(setting_strategy, steps_strategy)
def test_responses_do_not_depend_on_when_things_come(setting: Setting, drawn: list[Step]) -> None:
    steps = numbered(drawn)
    assert play(setting, steps) == play(setting, steps, at_once=True)


def test_a_warm_up_is_as_long_as_is_wanted_and_what_is_kept_is_bounded() -> None:
    starts = ChunkStarts(Setting(delay=5).geometry, warm_up_frames=33)
    assert starts.warm_up() == WarmUp(0, 0)
    kept = set()
    for chunk in range(1000):
        starts.add(chunk * CHUNK, named_by_frame=chunk % 7 != 3)
        point = starts.warm_up()
        assert point.first_frame + point.chunks * CHUNK == (chunk + 1) * CHUNK
        assert point.first_frame == 0 or point.chunks in (5, 6)
        kept.add(len(starts._starts))
    assert max(kept) <= 6


def test_a_decoder_that_forms_other_chunks_goes_on_for_nobody() -> None:
    """Rather than lose or double words in silence."""
    steps: list[Step] = [[1] * 30, Flush(), [5] * 40, [0] * 60, [3] * 50]
    setting = Setting(memory_frames=200)
    point = [response.resume for response in play(setting, steps) if response.HasField("resume")][-1]
    assert point.first_frame < 30 < point.segment_start_frame
    resume = ResumeFrom.parse(point)
    assert play(setting, steps, resume=resume)
    with pytest.raises(errors.ServiceUnavailableError, match="another model or setting"):
        play(replace(setting, tail_frames=5 + CHUNK), steps, resume=resume)


@pytest.mark.parametrize(
    "point",
    [
        {"first_frame": -1},
        {"warm_up_chunks": -1},
        {"segment_id": -1},
        {"segment_start_frame": -1},
        {"first_frame": 2**62, "segment_start_frame": 2**62},
        {"warm_up_chunks": 2**31 - 1},
        {"segment_id": 2**31 - 1},
        {"first_frame": 100, "warm_up_chunks": 5, "segment_start_frame": 99},
        {"first_frame": 100, "segment_start_frame": 101},
    ],
)
def test_points_that_no_decoder_has_named_are_refused(point: dict[str, int]) -> None:
    with pytest.raises(errors.InvalidSettingError, match=r"resume\.\w+"):
        ResumeFrom.parse(decoder_pb2.ResumePoint(**point))
