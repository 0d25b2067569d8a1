"""What Pipecat hears through the plug-in, as JSON: ``pipecat_program.py HOST:PORT KEY FILE.wav``.

Runs in an environment with pipecat-ai and the client's wheel, and nothing else of the repository.
"""

from __future__ import annotations

import asyncio
import json
import sys
import wave
from collections.abc import Iterator
from typing import Any

from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    MetricsFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    STTMetadataFrame,
    STTMuteFrame,
    STTUpdateSettingsFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner
from relay import Relay

from amira.asr.v1.config_pb2 import DecodingMethod, RecognitionConfig
from amira_client.pipecat import AmiraSTTService

FRAME_MS = 20
BEAM = RecognitionConfig(decoding_method=DecodingMethod.DECODING_METHOD_BEAM)
RATE_HZ = 16_000


def frames(path: str, seconds: float | None = None) -> Iterator[InputAudioRawFrame]:
    with wave.open(path) as file:
        left = int((seconds or 1e6) * RATE_HZ)
        while left > 0 and (data := file.readframes(RATE_HZ * FRAME_MS // 1000)):
            yield InputAudioRawFrame(audio=data, sample_rate=RATE_HZ, num_channels=1)
            left -= len(data) // 2


class Sink(FrameProcessor):
    """Keeps what comes out of the service, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self.changed = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        self.changed.set()
        await self.push_frame(frame, direction)

    async def wait_for(self, kind: type[Frame], count: int = 1) -> None:
        """TimeoutError after a minute."""
        async with asyncio.timeout(60):
            while sum(isinstance(frame, kind) for frame in self.frames) < count:
                self.changed.clear()
                await self.changed.wait()

    def finals(self) -> list[str]:
        return [frame.text for frame in self.frames if isinstance(frame, TranscriptionFrame)]


class Running:
    """A pipeline with the service in it: ``async with Running(service) as running``."""

    def __init__(self, service: AmiraSTTService) -> None:
        self.service, self.sink = service, Sink()
        self.errors: list[ErrorFrame] = []
        self.connected: list[str] = []
        pipeline = Pipeline([service, self.sink])
        parameters = PipelineParams(
            audio_in_sample_rate=RATE_HZ, enable_metrics=True, enable_usage_metrics=True
        )
        self.worker = PipelineWorker(pipeline, params=parameters, cancel_on_idle_timeout=False)
        for name in ("on_connected", "on_disconnected", "on_connection_error"):
            service.add_event_handler(name, self._noting(name))
        service.add_event_handler("on_error", self._note_error)

    def _noting(self, name: str) -> Any:
        async def note(*_: object) -> None:
            self.connected.append(name)

        return note

    async def _note_error(self, _: object, frame: ErrorFrame) -> None:
        self.errors.append(frame)

    async def __aenter__(self) -> Running:
        runner = WorkerRunner(handle_sigint=False)
        self._running = asyncio.create_task(runner.run(self.worker))
        return self

    async def send(self, *given: Frame) -> None:
        for frame in given:
            await self.worker.queue_frame(frame)

    async def end(self) -> None:
        await self.send(EndFrame())
        await asyncio.wait_for(self._running, 60)

    async def __aexit__(self, *_: object) -> None:
        if not self._running.done():
            await self.worker.cancel()
            await asyncio.wait_for(self._running, 60)


def service(address: str, key: str, **options: Any) -> AmiraSTTService:
    return AmiraSTTService(address, client_options={"api_key": key}, ttfs_p99_latency=1.0, **options)


def told(frame: Frame) -> dict[str, Any]:
    answer: dict[str, Any] = {"type": type(frame).__name__}
    if isinstance(frame, TranscriptionFrame | InterimTranscriptionFrame):
        words = [[word.text, word.start_s, word.end_s, word.confidence] for word in frame.result.words]
        answer |= {"text": frame.text, "language": str(frame.language), "words": words}
        answer["finalized"] = getattr(frame, "finalized", None)
    return answer


SHOWN = (
    TranscriptionFrame, InterimTranscriptionFrame, ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame, EndFrame,
)  # fmt: skip


async def whole(address: str, key: str, path: str, **options: Any) -> dict[str, Any]:
    async with Running(service(address, key, **options)) as running:
        await running.send(*frames(path))
        await running.end()
        heard = running.sink.frames
        metadata = [frame for frame in heard if isinstance(frame, STTMetadataFrame)]
        usage = [data for frame in heard if isinstance(frame, MetricsFrame) for data in frame.data]
        return {
            "frames": [told(frame) for frame in heard if isinstance(frame, SHOWN)],
            "audio_frames": sum(isinstance(frame, InputAudioRawFrame) for frame in heard),
            "external_turns": [frame.user_turn_strategies is not None for frame in metadata],
            "usage_s": sum(
                data.value.audio_seconds for data in usage if type(data).__name__ == "STTUsageMetricsData"
            ),
            "events": running.connected,
            "errors": [frame.error for frame in running.errors],
        }


async def finished_by_a_vad(address: str, key: str, path: str) -> list[list[Any]]:
    """The VAD's end of speech brings a final at once, which says that it is complete."""
    async with Running(service(address, key)) as running:
        await running.send(VADUserStartedSpeakingFrame(start_secs=0.2), *frames(path, 2.5))
        await running.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await running.sink.wait_for(TranscriptionFrame)
        await running.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))  # nothing was said since
        await running.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await running.send(*frames(path, 2.5))
        await running.end()
        heard = [frame for frame in running.sink.frames if isinstance(frame, TranscriptionFrame)]
        return [[frame.text, frame.finalized] for frame in heard]


async def with_hotwords(address: str, key: str, path: str) -> list[str]:
    delta = AmiraSTTService.Settings(hotwords=["rather selfish"])
    async with Running(service(address, key, config=BEAM)) as running:
        await running.send(*frames(path, 1))
        await running.sink.wait_for(InterimTranscriptionFrame)
        await running.send(STTUpdateSettingsFrame(delta=delta), *frames(path))
        await running.end()
        return running.sink.finals() + [frame.error for frame in running.errors]


async def over_a_broken_network(address: str, key: str, path: str) -> dict[str, Any]:
    async with Relay(address) as relay, Running(service(relay.address, key)) as running:
        for number, frame in enumerate(frames(path)):
            await running.send(frame)
            if number in (200, 500):
                await asyncio.sleep(0.5)
                relay.cut()
        await running.end()
        errors = [frame.error for frame in running.errors]
        return {
            "finals": running.sink.finals(),
            "errors": errors,
            "cuts": relay.cuts,
            "events": running.connected,
        }


async def beginning_anew(address: str, key: str, path: str) -> dict[str, Any]:
    """Without resumption a lost stream is an error, after which the service goes on with a new one."""
    options = {"api_key": key, "resume": False}
    async with Relay(address) as relay:
        recognizer = AmiraSTTService(relay.address, client_options=options, ttfs_p99_latency=1.0)  # type: ignore[arg-type]
        async with Running(recognizer) as running:
            await running.send(*frames(path, 1))
            await running.sink.wait_for(InterimTranscriptionFrame)
            relay.cut()
            while "on_connection_error" not in running.connected:  # noqa: ASYNC110 - a handler of Pipecat's tells
                await asyncio.sleep(0.01)
            await running.send(*frames(path, 6))
            await running.end()
            categories = [str(frame.category) for frame in running.errors]
            return {
                "finals": running.sink.finals(), "errors": categories,
                "usable": recognizer.is_usable, "events": running.connected,
            }  # fmt: skip


async def muted(address: str, key: str, path: str) -> list[str]:
    async with Running(service(address, key)) as running:
        await running.send(STTMuteFrame(mute=True), *frames(path, 6), STTMuteFrame(mute=False))
        await running.end()
        return running.sink.finals()


async def cancelled(address: str, key: str, path: str) -> list[str]:
    """What still runs after a pipeline was cancelled in the middle."""
    async with Running(service(address, key)) as running:
        await running.send(*frames(path, 3))
        await running.sink.wait_for(InterimTranscriptionFrame)
    await asyncio.sleep(0)
    names = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    return sorted(name for name in names if "amira" in name.lower())


async def failing(address: str, key: str, path: str, **options: Any) -> dict[str, Any]:
    async with Running(service(address, key, **options)) as running:
        await running.send(*frames(path, 1))
        while not running.errors:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.01)
        first = running.errors[0]
        answer = {"error": first.error, "category": str(first.category), "usable": running.service.is_usable}
        await running.end()
        return answer


async def main(address: str, key: str, path: str) -> None:
    answers = {
        "whole": await whole(address, key, path),
        "server_turns": await whole(address, key, path, server_turns=True),
        "vad": await finished_by_a_vad(address, key, path),
        "hotwords": await with_hotwords(address, key, path),
        "broken_network": await over_a_broken_network(address, key, path),
        "beginning_anew": await beginning_anew(address, key, path),
        "muted": await muted(address, key, path),
        "cancelled": await cancelled(address, key, path),
        "wrong_key": await failing(address, "amira_wrong_key", path),
        "nobody": await failing("127.0.0.1:1", key, path),
        "unknown_model": await failing(address, key, path, config=RecognitionConfig(model="none")),
    }
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
