"""Conversation number n of a seed: what one client sends in one call, right, wrong or not even protobuf."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from amira.asr.v1 import config_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira.frontend.v1 import frontend_pb2
from fuzz.containers import containers
from fuzz.mutations import changed, noise
from fuzz.random_messages import random_message


@dataclass(frozen=True)
class Method:
    """One gRPC method, and messages with which it has something to do."""

    path: str
    request: type[Message]
    first: Callable[[random.Random], Message]
    more: Callable[[random.Random], Message] | None = None
    """A message that may follow; None: the method takes one."""
    share: float = 1.0
    """How often it is called, against the others."""


@dataclass(frozen=True)
class Conversation:
    """One call."""

    method: Method
    messages: list[bytes]


def _format(chance: random.Random) -> Message:
    container = chance.choice(containers())
    return frontend_pb2.ExtractRequest(
        format=frontend_pb2.AudioFormat(
            encoding=container.encoding,
            sample_rate_hz=container.sample_rate_hz,
            channels=container.channels,
        )
    )


def _audio_or_barrier(chance: random.Random) -> Message:
    if chance.random() < 0.2:
        return frontend_pb2.ExtractRequest(barrier=chance.randrange(2**64))
    return frontend_pb2.ExtractRequest(audio=_audio(chance))


def _recognition_config(chance: random.Random) -> config_pb2.RecognitionConfig:
    container = chance.choice(containers())
    return config_pb2.RecognitionConfig(
        encoding=container.encoding,
        sample_rate_hz=container.sample_rate_hz,
        channels=container.channels,
        interim_results=chance.random() < 0.5,
        word_times=chance.random() < 0.5,
    )


def _streaming_config(chance: random.Random) -> Message:
    return speech_pb2.StreamingRecognizeRequest(config=_recognition_config(chance))


def _audio_chunk(chance: random.Random) -> Message:
    return speech_pb2.StreamingRecognizeRequest(audio=speech_pb2.AudioChunk(content=_audio(chance)))


def _decoder_config(chance: random.Random) -> Message:
    request = decoder_pb2.DecodeRequest(config=_recognition_config(chance))
    if chance.random() < 0.3:
        numbers = (-1, 0, 1, 2, 64, 640, 2**31 - 1)
        request.resume.CopyFrom(
            decoder_pb2.ResumePoint(
                first_frame=chance.choice(numbers),
                warm_up_chunks=chance.choice(numbers),
                segment_id=chance.choice(numbers),
                segment_start_frame=chance.choice(numbers),
            )
        )
    return request


def _features_or_control(chance: random.Random) -> Message:
    roll = chance.random()
    if roll < 0.6:
        return decoder_pb2.DecodeRequest(features=_features(chance))
    if roll < 0.75:
        return decoder_pb2.DecodeRequest(flush=speech_pb2.Flush())
    if roll < 0.9:
        return decoder_pb2.DecodeRequest(mark=_mark(chance))
    return decoder_pb2.DecodeRequest(end=speech_pb2.EndOfAudio())


def _mark(chance: random.Random) -> speech_pb2.Mark:
    return speech_pb2.Mark(id=chance.choice(("", "a", "m" * 99, "\u202e")))


def _features(chance: random.Random) -> bytes:
    """Log-mel values as speech has them, or none such, or not a whole number of frames."""
    frames = chance.choice((0, 1, 7, 64, 64, 300))
    value = chance.choice((-15.9, 0.0, 8.0, 1e30, float("inf"), float("nan")))
    content = struct.pack("<f", value) * (80 * frames)
    return content[:-3] if chance.random() < 0.05 else content


def _recording(chance: random.Random) -> Message:
    return speech_pb2.RecognizeRequest(config=_recognition_config(chance), audio=_audio(chance))


_HEALTH: Final = Method(
    "/grpc.health.v1.Health/Check",
    health_pb2.HealthCheckRequest,
    lambda _: health_pb2.HealthCheckRequest(),
    share=0.05,
)
SERVICES: Final = {
    "frontend": (
        Method(
            "/amira.frontend.v1.Frontend/Extract", frontend_pb2.ExtractRequest, _format, _audio_or_barrier
        ),
        _HEALTH,
    ),
    "decoder": (
        Method(
            "/amira.decoder.v1.Decoder/Decode",
            decoder_pb2.DecodeRequest,
            _decoder_config,
            _features_or_control,
        ),
        Method(
            "/amira.decoder.v1.Decoder/Describe",
            decoder_pb2.DescribeRequest,
            lambda _: decoder_pb2.DescribeRequest(),
            share=0.05,
        ),
        _HEALTH,
    ),
    "gateway": (
        Method(
            "/amira.asr.v1.Speech/StreamingRecognize",
            speech_pb2.StreamingRecognizeRequest,
            _streaming_config,
            _audio_chunk,
        ),
        Method("/amira.asr.v1.Speech/Recognize", speech_pb2.RecognizeRequest, _recording, share=0.2),
        Method(
            "/amira.asr.v1.Speech/GetCapabilities",
            speech_pb2.GetCapabilitiesRequest,
            lambda _: speech_pb2.GetCapabilitiesRequest(),
            share=0.05,
        ),
        _HEALTH,
    ),
}


def make_conversation(service: str, seed: int, number: int) -> Conversation:
    """One to eight messages; in a third of the calls, one of them has bytes changed."""
    chance = random.Random(f"{service} {seed} {number}")  # noqa: S311 - not a secret
    methods = SERVICES[service]
    method = chance.choices(methods, [each.share for each in methods])[0]
    begins_well = chance.random() < 0.8
    messages = [method.first(chance) if begins_well else random_message(method.request, chance, _audio)]
    for _ in range(chance.choice((0, 1, 2, 4, 7)) if method.more else 0):
        if method.more and chance.random() < 0.7:
            messages.append(method.more(chance))
        else:
            messages.append(random_message(method.request, chance, _audio))
    encoded = [message.SerializeToString() for message in messages]
    if chance.random() < 0.33:
        where = chance.randrange(len(encoded))
        encoded[where] = noise(chance) if chance.random() < 0.2 else changed(encoded[where], chance)
    return Conversation(method, encoded)


def _audio(chance: random.Random) -> bytes:
    data = chance.choice(containers()).data
    return changed(data, chance) if chance.random() < 0.5 else data[: chance.choice((0, 1, 500, len(data)))]
