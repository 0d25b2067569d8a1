"""Decoding without any network: a file's features all at once into the decoder's core.

What comes through gateway, frontend, decoder and Triton, message by message, must equal this.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from amira.frontend.v1 import frontend_pb2
from amira_core.rpc.server import cancel_and_wait
from amira_decoder.controls import End
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.settings import DecoderSettings
from amira_frontend.pipeline import FeatureStream


class Reference:
    """The decoder's core with the encoder in this process."""

    def __init__(self, decoder: StreamingDecoder) -> None:
        self._decoder = decoder

    async def segments(self, path: Path, config: config_pb2.RecognitionConfig) -> list[str]:
        """The finals of a recording."""
        stream = await self._decoder.open_stream(config)
        try:
            # Straight into the buffer: no message sizes, no pacing, no other stream.
            await stream.add_features(features_of(path).tobytes())
            stream.add_control(End())
            return [
                response.result.alternatives[0].text
                async for response in stream.responses()
                if response.HasField("result") and response.result.is_final
            ]
        finally:
            self._decoder.close_stream(stream)

    async def text(self, path: Path, config: config_pb2.RecognitionConfig) -> str:
        """The transcript of a recording."""
        return " ".join(await self.segments(path, config))


def features_of(path: Path) -> NDArray[np.float32]:
    """All frames of a file, float32 [frames, 80]."""
    samples, rate_hz = soundfile.read(path, dtype="int16")
    stream = FeatureStream(
        frontend_pb2.AudioFormat(
            encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=rate_hz, channels=1
        )
    )
    frames = [stream.accept(samples.tobytes()), stream.finish()]
    return np.concatenate(frames)


@asynccontextmanager
async def in_process_reference(model_dir: Path) -> AsyncIterator[Reference]:
    """A warm decoder core on this event loop."""
    decoder = StreamingDecoder(DecoderSettings(model_dir=model_dir, encoder="in_process"))
    ready = asyncio.Event()

    async def on_ready(is_ready: bool) -> None:
        ready.set()

    running = asyncio.create_task(decoder.run(on_ready))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield Reference(decoder)
    finally:
        await cancel_and_wait([running, waiting])
        await decoder.close()
