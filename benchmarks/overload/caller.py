"""One client: a recording at the speed of speech, and when what came back."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import grpc

from amira.asr.v1 import config_pb2, speech_pb2, speech_pb2_grpc
from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.status import from_rpc_error

MESSAGE_S = 0.1
WINDOW_REACH_S = 0.0075
"""A frame's 25 ms window reaches so far beyond its 10 ms."""

Request = speech_pb2.StreamingRecognizeRequest
Response = speech_pb2.StreamingRecognizeResponse


@dataclass(frozen=True)
class Recording:
    """A recording, cut into messages once for all streams."""

    messages: Sequence[Request]
    seconds: float

    @classmethod
    def of(cls, samples: bytes, rate_hz: int) -> Recording:
        """`samples`: LINEAR16."""
        step = round(rate_hz * MESSAGE_S) * 2
        pieces = [samples[at : at + step] for at in range(0, len(samples), step)]
        return cls(
            [Request(audio=speech_pb2.AudioChunk(content=piece)) for piece in pieces],
            len(samples) / 2 / rate_hz,
        )


@dataclass
class Heard:
    """What became of one stream. Times are monotonic seconds."""

    began_at: float
    answered_s: float | None = None
    """From the call to its session, or to its refusal."""
    refusal: errors.AmiraError | None = None
    failure: errors.AmiraError | None = None
    """It was admitted, and did not end well."""
    finals: list[str] = field(default_factory=list)
    delays: list[tuple[float, float]] = field(default_factory=list)
    """When a result came, and how long after the audio that it needed was due (seconds)."""
    latest_send_s: float = 0.0
    """Most that a message was sent after it was due: the load client's own lateness, or backpressure."""
    ended_at: float = math.inf

    @property
    def admitted(self) -> bool:
        return self.refusal is None

    @property
    def text(self) -> str:
        return " ".join(self.finals)


async def call(stub: speech_pb2_grpc.SpeechStub, recording: Recording, opening: Request) -> Heard:
    """Opens a stream now, and sends the recording at the speed of speech from its first answer on."""
    heard = Heard(time.monotonic())
    stream: DuplexCall[Request, Response] = DuplexCall(
        cast(Any, stub).StreamingRecognize()
    )  # generated for sync calls
    sending: asyncio.Task[None] | None = None
    try:
        await stream.write(opening)
        first = await stream.read()
        heard.answered_s = time.monotonic() - heard.began_at
        if first is None:
            raise RuntimeError("the server ended the stream before it began")
        look_ahead_s = first.session.look_ahead.ToNanoseconds() / 1e9
        spoken_from = time.monotonic()
        sending = asyncio.create_task(_send(stream, recording, spoken_from, heard))
        while (response := await stream.read()) is not None:
            _note(heard, response, recording, spoken_from, look_ahead_s)
    except grpc.aio.AioRpcError as failure:
        error = from_rpc_error(failure, errors.ServiceUnavailableError)
        if heard.answered_s is None:
            heard.answered_s = time.monotonic() - heard.began_at
        if sending is None:
            heard.refusal = error
        else:
            heard.failure = error
    finally:
        heard.ended_at = time.monotonic()
        stream.cancel()
        if sending is not None:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    return heard


async def _send(
    stream: DuplexCall[Request, Response], recording: Recording, spoken_from: float, heard: Heard
) -> None:
    for number, message in enumerate(recording.messages, start=1):
        due = spoken_from + number * MESSAGE_S
        await asyncio.sleep(due - time.monotonic())
        if not await stream.write(message):
            return
        heard.latest_send_s = max(heard.latest_send_s, time.monotonic() - due)
    await stream.done_writing()


def _note(
    heard: Heard, response: Response, recording: Recording, spoken_from: float, look_ahead_s: float
) -> None:
    if not response.HasField("result"):
        return
    result = response.result
    if result.is_final and result.alternatives:
        heard.finals.append(result.alternatives[0].text)
    due_s = due(result.audio_processed.ToNanoseconds() / 1e9, look_ahead_s)
    if due_s <= recording.seconds:  # later ones were completed by the end of the audio
        now = time.monotonic()
        heard.delays.append((now, now - spoken_from - due_s))


def due(decoded_s: float, look_ahead_s: float) -> float:
    """When the last message was due that was needed to decode so far; seconds from the first sample."""
    needed_s = decoded_s + look_ahead_s + WINDOW_REACH_S
    return math.ceil(round(needed_s / MESSAGE_S, 6)) * MESSAGE_S


def opening(method: str) -> Request:
    """The config of every stream: interims, and the server's default search where `method` is ``auto``."""
    name = "UNSPECIFIED" if method == "auto" else method.upper()
    return Request(
        config=config_pb2.RecognitionConfig(
            encoding=config_pb2.AUDIO_ENCODING_LINEAR16,
            sample_rate_hz=16_000,
            interim_results=True,
            decoding_method=f"DECODING_METHOD_{name}",
        )
    )
