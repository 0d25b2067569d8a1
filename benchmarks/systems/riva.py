"""NVIDIA Riva, StreamingRecognize of nvidia.riva.asr.

Written after its public protocol and never run against a server here. RIVA_TARGET (host:port) turns it
on, with the package nvidia-riva-client, which wants a protobuf of its own: an environment apart from
Amira's. RIVA_API_KEY and RIVA_FUNCTION_ID are sent to NVIDIA's hosted one, over TLS.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
from riva.client.proto import (
    riva_asr_pb2,
    riva_asr_pb2_grpc,
    riva_audio_pb2,
)

from benchmarks.load.wire import Tape
from benchmarks.systems.base import SAMPLE_RATE_HZ, Reading
from benchmarks.systems.remote import RemoteSpeech, spoken


class RivaSpeech(RemoteSpeech):
    """One call per stream, all on one channel."""

    def __init__(self) -> None:
        self._channel: grpc.aio.Channel | None = None
        key, function = os.environ.get("RIVA_API_KEY"), os.environ.get("RIVA_FUNCTION_ID")
        self._metadata = [("authorization", f"Bearer {key}")] if key else []
        self._metadata += [("function-id", function)] if function else []

    async def converse(self, audio: AsyncIterator[bytes], received: Callable[[bytes], None]) -> None:
        if self._channel is None:
            target = os.environ["RIVA_TARGET"]
            self._channel = (
                grpc.aio.secure_channel(target, grpc.ssl_channel_credentials())
                if self._metadata
                else grpc.aio.insecure_channel(target)
            )
        stub = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(self._channel)
        async for response in stub.StreamingRecognize(_requests(audio), metadata=self._metadata):
            received(response.SerializeToString())

    def readings(self, tape: Tape) -> Iterator[Reading]:
        results = []
        for at_s, message in tape.arrivals:
            response = riva_asr_pb2.StreamingRecognizeResponse.FromString(message)
            said = [result for result in response.results if result.alternatives]
            if said:
                text = "".join(result.alternatives[0].transcript for result in said)
                results.append((at_s, text, said[0].is_final, max(r.audio_processed for r in said)))
        yield from spoken(results)


async def _requests(audio: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    config = riva_asr_pb2.RecognitionConfig(
        encoding=riva_audio_pb2.LINEAR_PCM,
        sample_rate_hertz=SAMPLE_RATE_HZ,
        language_code="en-US",
        audio_channel_count=1,
        verbatim_transcripts=True,
        endpointing_config=riva_asr_pb2.EndpointingConfig(stop_history=1200),
    )
    yield riva_asr_pb2.StreamingRecognizeRequest(
        streaming_config=riva_asr_pb2.StreamingRecognitionConfig(config=config, interim_results=True)
    )
    async for piece in audio:
        yield riva_asr_pb2.StreamingRecognizeRequest(audio_content=piece)
