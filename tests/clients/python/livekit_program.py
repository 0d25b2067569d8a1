"""What LiveKit Agents hears through the plug-in, as JSON: ``livekit_program.py HOST:PORT KEY FILE.wav``.

Runs in an environment with livekit-agents and the client's wheel, and nothing else of the repository.
"""

from __future__ import annotations

import asyncio
import json
import sys
import wave
from collections.abc import Iterator
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, stt
from relay import Relay

from amira.asr.v1.config_pb2 import DecodingMethod, RecognitionConfig
from amira_client.livekit import STT

FRAME_MS = 10
BEAM = RecognitionConfig(decoding_method=DecodingMethod.DECODING_METHOD_BEAM)


def frames(path: str, seconds: float | None = None) -> Iterator[rtc.AudioFrame]:
    with wave.open(path) as file:
        rate, left = file.getframerate(), int((seconds or 1e6) * file.getframerate())
        while left > 0 and (data := file.readframes(rate * FRAME_MS // 1000)):
            yield rtc.AudioFrame(data, rate, 1, len(data) // 2)
            left -= len(data) // 2


def told(event: stt.SpeechEvent) -> dict[str, Any]:
    answer: dict[str, Any] = {"type": event.type.value, "request_id": event.request_id}
    if event.alternatives:
        data = event.alternatives[0]
        answer |= {
            "text": data.text, "language": str(data.language), "start": data.start_time,
            "end": data.end_time, "confidence": data.confidence,
            "words": [
                [str(word), word.start_time, word.end_time, word.confidence or None]
                for word in data.words or ()
            ],
        }  # fmt: skip
    if event.recognition_usage is not None:
        answer["audio_s"] = event.recognition_usage.audio_duration
    return answer


async def all_of(stream: stt.RecognizeStream) -> list[dict[str, Any]]:
    return [told(event) async for event in stream]


async def streamed(address: str, key: str, path: str) -> dict[str, Any]:
    metrics: list[str] = []
    async with STT(address, api_key=key) as recognizer:
        recognizer.on("metrics_collected", lambda metric: metrics.append(metric.type))
        async with recognizer.stream() as stream:
            for frame in frames(path):
                stream.push_frame(frame)
            stream.end_input()
            events = await all_of(stream)
    return {"events": events, "metrics": metrics}


async def recognized(address: str, key: str, path: str) -> dict[str, Any]:
    async with STT(address, api_key=key) as recognizer:
        return told(await recognizer.recognize(list(frames(path, 6))))


async def flushed(address: str, key: str, path: str) -> list[str]:
    """A final comes while the audio goes on."""
    async with STT(address, api_key=key) as recognizer, recognizer.stream() as stream:
        for frame in frames(path, 2.5):
            stream.push_frame(frame)
        stream.flush()
        finals = []
        async for event in stream:
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                finals.append(event.alternatives[0].text)
                if len(finals) == 1:
                    for frame in frames(path, 2.5):
                        stream.push_frame(frame)
                    stream.end_input()
        return finals


async def with_key_terms(address: str, key: str, path: str) -> list[str]:
    """Key terms change in mid-stream; the words of the session that was open before are those with them."""
    async with STT(address, api_key=key, config=BEAM) as recognizer, recognizer.stream() as stream:
        for frame in frames(path, 1):
            stream.push_frame(frame)
        await anext(stream)
        recognizer._update_session_keyterms(["rather selfish"])
        await asyncio.sleep(0.2)
        for frame in frames(path):
            stream.push_frame(frame)
        stream.end_input()
        events = [event async for event in stream]
        return [e.alternatives[0].text for e in events if e.type is stt.SpeechEventType.FINAL_TRANSCRIPT]


async def over_a_broken_network(address: str, key: str, path: str) -> dict[str, Any]:
    errors: list[str] = []
    async with Relay(address) as relay, STT(relay.address, api_key=key) as recognizer:
        recognizer.on("error", lambda error: errors.append(str(error.error)))
        async with recognizer.stream() as stream:
            finals = []
            for number, frame in enumerate(frames(path)):
                stream.push_frame(frame)
                if number in (400, 1000):
                    await asyncio.sleep(0.5)
                    relay.cut()
            stream.end_input()
            async for event in stream:
                if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                    finals.append(event.alternatives[0].text)
    return {"finals": finals, "errors": errors, "cuts": relay.cuts}


async def cancelled(address: str, key: str, path: str) -> list[str]:
    """What still runs after a stream was closed in the middle."""
    recognizer = STT(address, api_key=key)
    stream = recognizer.stream()
    for frame in frames(path, 3):
        stream.push_frame(frame)
    await anext(stream)
    await stream.aclose()
    await recognizer.aclose()
    return sorted(task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task())


async def failing(address: str, key: str, path: str, **options: Any) -> dict[str, Any]:
    recoverable: list[bool] = []
    patience = APIConnectOptions(max_retry=1, retry_interval=0)
    async with STT(address, api_key=key, **options) as recognizer:
        recognizer.on("error", lambda error: recoverable.append(error.recoverable))
        answers = {}
        stream = recognizer.stream(conn_options=patience)
        stream.push_frame(next(frames(path)))
        stream.end_input()
        for name, attempt in (
            ("stream", all_of(stream)),
            ("recognize", recognizer.recognize(list(frames(path, 1)), conn_options=patience)),
        ):
            try:
                await attempt
            except APIError as error:
                status = getattr(error, "status_code", None)
                answers[name] = [type(error).__name__, status, str(error), error.retryable]
        await stream.aclose()
    return {"errors": answers, "recoverable": recoverable}


async def main(address: str, key: str, path: str) -> None:
    sys.stdout.write(
        json.dumps(
            {
                "streamed": await streamed(address, key, path),
                "recognized": await recognized(address, key, path),
                "flushed": await flushed(address, key, path),
                "key_terms": await with_key_terms(address, key, path),
                "broken_network": await over_a_broken_network(address, key, path),
                "cancelled": await cancelled(address, key, path),
                "wrong_key": await failing(address, "amira_wrong_key", path),
                "nobody": await failing("127.0.0.1:1", key, path),
                "unknown_model": await failing(address, key, path, config=RecognitionConfig(model="none")),
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
