"""Finals in the forms that OpenAI's transcriptions have."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import web

from amira.asr.v1 import result_pb2
from amira_core.subtitles import cues, seconds, srt, vtt
from amira_gateway.web.openai.wishes import Wishes

_LANGUAGES = {
    "de": "german", "en": "english", "es": "spanish", "fr": "french", "it": "italian", "ja": "japanese",
    "ko": "korean", "nl": "dutch", "pl": "polish", "pt": "portuguese", "ru": "russian", "zh": "chinese",
}  # fmt: skip
"""verbose_json spells languages out; those that are not here keep their code."""


def answer(
    wishes: Wishes, results: Sequence[result_pb2.StreamingResult], audio_s: float, language_code: str
) -> web.Response:
    """The whole answer to a request that is not streamed."""
    bests = [result.alternatives[0] for result in results]
    if wishes.response_format == "srt":
        return web.Response(text=srt(cues(best.words for best in bests)), content_type="application/x-subrip")
    if wishes.response_format == "vtt":
        return web.Response(text=vtt(cues(best.words for best in bests)), content_type="text/vtt")
    text = joined(bests)
    if wishes.response_format == "text":
        return web.Response(text=f"{text}\n")
    body: dict[str, Any] = {"text": text, "usage": usage(audio_s)}
    if wishes.logprobs:
        body["logprobs"] = logprobs(bests)
    if wishes.response_format == "verbose_json":
        body |= _verbose(wishes, bests, audio_s, language_code)
    return web.json_response(body)


def joined(bests: Iterable[result_pb2.Alternative]) -> str:
    """The transcript."""
    return " ".join(best.text for best in bests if best.text)


def usage(audio_s: float) -> dict[str, Any]:
    """What would be billed."""
    return {"type": "duration", "seconds": math.ceil(audio_s)}


def logprobs(bests: Iterable[result_pb2.Alternative]) -> list[dict[str, Any]]:
    """One entry per word (OpenAI: per token), which joined are the transcript."""
    tokens = [(word.text, word.confidence) for best in bests for word in best.words]
    texts = [(f" {text}" if place else text, confidence) for place, (text, confidence) in enumerate(tokens)]
    return [
        {"token": text, "bytes": list(text.encode()), "logprob": _log(confidence)}
        for text, confidence in texts
    ]


def _verbose(
    wishes: Wishes, bests: Sequence[result_pb2.Alternative], audio_s: float, language_code: str
) -> dict[str, Any]:
    primary = language_code.partition("-")[0].lower()
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": _LANGUAGES.get(primary, primary),
        "duration": round(audio_s, 3),
    }
    if "segment" in wishes.granularities:
        body["segments"] = [_segment(number, best) for number, best in enumerate(bests) if best.words]
    if "word" in wishes.granularities:
        body["words"] = [
            {"word": word.text, "start": seconds(word.start), "end": seconds(word.end)}
            for best in bests
            for word in best.words
        ]
    return body


def _segment(number: int, best: result_pb2.Alternative) -> dict[str, Any]:
    encoded = best.text.encode()
    return {
        "id": number,
        "seek": 0,
        "start": seconds(best.words[0].start),
        "end": seconds(best.words[-1].end),
        "text": best.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": _log(best.confidence),
        "compression_ratio": round(len(encoded) / len(zlib.compress(encoded)), 3),
        "no_speech_prob": 0.0,
    }


def _log(confidence: float) -> float:
    return round(math.log(max(confidence, 1e-6)), 4)
