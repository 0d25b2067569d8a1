"""The words of a clip, by way of the server's own frontend and decoder."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from amira.asr.v1.config_pb2 import RecognitionConfig
from amira.frontend.v1.frontend_pb2 import AudioFormat
from amira_client import AmiraClientError
from amira_client.audio import open_audio
from amira_core.errors import AmiraError
from amira_core.rpc.server import cancel_and_wait
from amira_decoder.controls import End
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.settings import DecoderSettings
from amira_frontend.pipeline import FeatureStream
from amira_local.models.check.encoder import Frames
from amira_local.models.errors import ModelsError

_PIECE_FRAMES = 100


def read_features(clip: Path) -> Frames:
    """A recording's log-mel frames [n, 80], as the frontend computes them. Raises ModelsError."""
    try:
        audio = open_audio(clip)
        stream = FeatureStream(
            AudioFormat(encoding=audio.encoding, sample_rate_hz=audio.sample_rate_hz, channels=audio.channels)
        )
        return np.concatenate([*(stream.accept(piece) for piece in audio.pieces()), stream.finish()])
    except (AmiraClientError, AmiraError, OSError) as error:
        raise ModelsError(f"The clip {clip} cannot be read: {error}") from error


def recognize(settings: DecoderSettings, frames: Frames) -> tuple[str, str]:
    """The words of log-mel frames [n, 80], and the search that found them. Raises ModelsError."""
    try:
        with _quiet():
            return asyncio.run(_recognize(settings, frames))
    except OSError as error:
        raise ModelsError(str(error)) from error


async def _recognize(settings: DecoderSettings, frames: Frames) -> tuple[str, str]:
    decoder = StreamingDecoder(settings)
    ready = asyncio.Event()

    async def on_ready(_: bool) -> None:
        ready.set()

    running, waiting = asyncio.create_task(decoder.run(on_ready)), asyncio.create_task(ready.wait())
    feeding: asyncio.Task[None] | None = None
    try:
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        stream = await decoder.open_stream(RecognitionConfig())

        async def feed() -> None:
            for start in range(0, len(frames), _PIECE_FRAMES):
                await stream.add_features(frames[start : start + _PIECE_FRAMES].tobytes())
            stream.add_control(End())

        feeding = asyncio.create_task(feed())
        finals = [
            response.result.alternatives[0].text
            async for response in stream.responses()
            if response.HasField("result") and response.result.is_final
        ]
        decoder.close_stream(stream)
        return " ".join(text for text in finals if text), stream.tracker.search.name
    finally:
        await cancel_and_wait([task for task in (running, waiting, feeding) if task is not None])
        await decoder.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the decoder's log lines, which go to standard output."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
