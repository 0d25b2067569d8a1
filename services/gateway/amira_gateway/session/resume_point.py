"""Resume points: where any gateway can go on with a PCM stream that another one began.

The client keeps the point and the audio from there on. What only gateways and decoders understand
travels in the point's `state` (amira.gateway.v1.StreamState), which comes back from outside: every number
of it is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from amira.asr.v1 import config_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira.gateway.v1 import state_pb2
from amira_core import errors
from amira_core.tracing.stream import stream_trace
from amira_gateway.replay.audio_log import settled_s
from amira_gateway.session.audio import AudioShape

VERSION = 1
_MOST_STATE_BYTES = 1024
_MOST_FRAMES = 2**36
"""Twenty years."""
_MOST_COUNT = 2**30

Model = tuple[str, str]
"""Name and version."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a stream begins here.

    Attributes:
        audio_s: seconds of audio before the first message of audio.
        decoder: where the decoder goes on; None at the start of a stream.
        model: the model that found the words so far; None: any will do.
        traceparent: of the session that began the stream; empty: none, or not known.
    """

    audio_s: int = 0
    decoder: decoder_pb2.ResumePoint | None = None
    model: Model | None = None
    traceparent: str = ""


FROM_THE_START: Final = Beginning()


def public_point(
    point: decoder_pb2.ResumePoint, model: config_pb2.ModelInfo, sample_rate_hz: int
) -> speech_pb2.ResumePoint:
    """A decoder's resume point for clients, with the audio that a frontend needs to get there."""
    state = state_pb2.StreamState(
        version=VERSION,
        decoder=point,
        model=model.name,
        model_version=model.version,
        traceparent=stream_trace().traceparent,
    )
    return speech_pb2.ResumePoint(
        audio_offset=settled_s(point.first_frame) * sample_rate_hz, state=state.SerializeToString()
    )


def parse(
    point: speech_pb2.ResumePoint, config: config_pb2.RecognitionConfig, shape: AudioShape
) -> Beginning:
    """What a client sent back. Raises InvalidSettingError for what no gateway has sent it."""
    if not shape.is_pcm:
        raise errors.InvalidSettingError(
            "resume_point goes with PCM only: send audio with a header from its start, in a new stream."
        )
    state = _read(point.state)
    decoder = state.decoder
    _check("first_frame", decoder.first_frame, _MOST_FRAMES)
    _check("warm_up_chunks", decoder.warm_up_chunks, _MOST_COUNT)
    _check("segment_id", decoder.segment_id, _MOST_COUNT)
    _check("segment_start_frame", decoder.segment_start_frame, _MOST_FRAMES)
    if decoder.segment_start_frame < decoder.first_frame or (
        not decoder.warm_up_chunks and decoder.segment_start_frame != decoder.first_frame
    ):
        raise _changed("its frames contradict each other")
    audio_s = settled_s(decoder.first_frame)
    if point.audio_offset != audio_s * config.sample_rate_hz:
        raise _changed(f"audio_offset must be {audio_s * config.sample_rate_hz}, not {point.audio_offset}")
    return Beginning(audio_s, decoder, (state.model, state.model_version), state.traceparent)


def _read(content: bytes) -> state_pb2.StreamState:
    if len(content) > _MOST_STATE_BYTES:
        raise _changed(f"its state has {len(content)} bytes")
    try:
        state = state_pb2.StreamState.FromString(content)
    except DecodeError:
        raise _changed("its state cannot be read") from None
    if state.version != VERSION:
        raise errors.InvalidSettingError(
            f"resume_point is of version {state.version}, but this server knows version {VERSION} only: "
            "begin a new stream."
        )
    return state


def _check(name: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise _changed(f"{name} is {value}")


def _changed(what: str) -> errors.InvalidSettingError:
    return errors.InvalidSettingError(
        f"resume_point is not as a server gave it ({what}): send the newest one unchanged, with the same "
        "sample rate, or begin a new stream."
    )
