"""Audio and frames by the decoder's chunk: fewer messages, and not one frame later than without."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira.asr.v1 import config_pb2
from amira.frontend.v1 import frontend_pb2
from amira_frontend.held_frames import HeldFrames
from amira_frontend.pipeline import FeatureStream
from amira_gateway.replay.audio_log import AudioLog
from amira_gateway.replay.decoder_log import FRAME_BYTES
from amira_gateway.session.audio import AudioShape
from amira_gateway.session.convert import audio_format

FLUSH, MARK = "flush", "mark"


class Path:
    """A stream's audio through the gateway's log and a frontend, to the frames that a decoder has."""

    def __init__(self, rate_hz: int, window: int, chunk: int) -> None:
        config = config_pb2.RecognitionConfig(
            encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=rate_hz
        )
        self.log = AudioLog(audio_format(config), AudioShape.of(config), 0)
        self.log.cut_by(window, chunk)
        opening = self.log.opening().format
        self.log.replay()
        self.stream = FeatureStream(opening)
        self.at_once = FeatureStream(opening)
        self.frontend = HeldFrames(opening.chunks, 0)
        self.held: list[bytes] = []
        self.window, self.chunk = window, chunk
        self.begin = self.frames = self.ideal = self.messages = 0

    def hear(self, audio: bytes) -> None:
        self.ideal += len(self.at_once.accept(audio))
        self.held.append(audio)
        if self.log.is_worth_sending(sum(map(len, self.held))):
            self.send_audio()
            if self.frontend.due:
                self.send_frames()

    def control(self, kind: str) -> None:
        self.send_audio()
        barrier = frontend_pb2.ExtractRequest(barrier=1, chunk_begins=kind == FLUSH)
        self.log.append(barrier)
        if len(self.frontend):
            self.send_frames()
        if barrier.chunk_begins:
            self.frontend.chunk_begins()
            self.begin = self.ideal
        self.log.barrier_returned()
        assert self.frames == self.ideal

    def send_audio(self) -> None:
        audio = b"".join(self.held)
        self.held.clear()
        if audio:
            self.messages += 1
            self.log.append(frontend_pb2.ExtractRequest(audio=audio))
            for frames in self.stream.steps(audio):
                self.frontend.add(frames)

    def send_frames(self) -> None:
        features = self.frontend.take(self.stream.received_samples).features
        new = self.log.new_frames(features, FRAME_BYTES)
        assert new == features.frames
        self.frames += len(features.frames) // FRAME_BYTES

    def chunks(self, frames: int) -> int:
        frames -= self.begin
        return 0 if frames < self.window else (frames - self.window) // self.chunk + 1


@settings(max_examples=60, deadline=None)
@given(
    rate_hz=st.sampled_from([8_000, 16_000, 44_100]),
    window=st.integers(1, 100),
    chunk=st.integers(1, 64),
    actions=st.lists(st.one_of(st.integers(1, 4000), st.sampled_from([FLUSH, MARK])), max_size=40),
)
def test_no_chunk_waits_for_audio_that_it_does_not_need(
    rate_hz: int, window: int, chunk: int, actions: list[int | str]
) -> None:
    path = Path(rate_hz, window, chunk)
    for action in actions:
        if isinstance(action, str):
            path.control(action)
        else:
            path.hear(bytes(2 * action))
        assert path.chunks(path.frames) == path.chunks(path.ideal)


def test_there_are_as_many_messages_as_chunks() -> None:
    path = Path(16_000, 39, 32)
    for _ in range(320):
        path.hear(bytes(3200))  # 100 ms
    assert path.chunks(path.frames) == 100 - 1
    assert path.messages <= 100


@pytest.mark.parametrize("encoding", ["AUDIO_ENCODING_WAV", "AUDIO_ENCODING_LINEAR16"])
def test_without_knowing_how_long_bytes_are_or_what_a_chunk_is_nothing_waits(encoding: str) -> None:
    config = config_pb2.RecognitionConfig(encoding=encoding, sample_rate_hz=16_000)
    log = AudioLog(audio_format(config), AudioShape.of(config), 1000)
    if encoding == "AUDIO_ENCODING_WAV":
        log.cut_by(39, 32)
    else:
        log.cut_by(0, 0)  # a decoder of an older version
    assert log.is_worth_sending(2)


def test_a_frontend_that_goes_on_is_told_where_chunks_begin() -> None:
    path = Path(16_000, 39, 32)
    for _ in range(7):
        path.hear(bytes(3200))
    path.control(FLUSH)
    for _ in range(3):
        path.hear(bytes(3200))
    assert path.log.opening().format.chunks == frontend_pb2.Chunks(
        first_frame=path.begin, window_frames=39, chunk_frames=32
    )
