"""Results as Deepgram's messages have them. Times in seconds."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from amira.asr.v1 import result_pb2
from amira_core.subtitles import seconds


class Receipt:
    """What one stream's messages say of it."""

    def __init__(self) -> None:
        self.request_id = str(uuid.uuid4())
        self.sha256 = hashlib.sha256()
        """Of the audio."""
        self._created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._model = {"name": "", "version": "", "arch": "transducer"}

    @property
    def model_uuid(self) -> str:
        """Always the same for a model's version."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._model['name']} {self._model['version']}"))

    def runs(self, session: result_pb2.SessionInfo) -> None:
        """Which model it is."""
        self._model |= {"name": session.model, "version": session.model_version}

    def brief(self) -> dict[str, Any]:
        """In each result."""
        return {"request_id": self.request_id, "model_info": self._model, "model_uuid": self.model_uuid}

    def whole(self, audio_s: float, channels: int) -> dict[str, Any]:
        """At the end."""
        return {
            "transaction_key": "deprecated",
            "request_id": self.request_id,
            "sha256": self.sha256.hexdigest(),
            "created": self._created,
            "duration": round(audio_s, 3),
            "channels": channels or 1,
            "models": [self.model_uuid],
            "model_info": {self.model_uuid: self._model},
        }


def results(
    receipt: Receipt, result: result_pb2.StreamingResult, speech_final: bool, from_finalize: bool
) -> dict[str, Any]:
    """A message of the type Results."""
    start_s, end_s = seconds(result.segment_start), seconds(result.audio_processed)
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "duration": round(max(0.0, end_s - start_s), 3),
        "start": start_s,
        "is_final": result.is_final,
        "speech_final": speech_final,
        "from_finalize": from_finalize,
        "channel": {"alternatives": [alternative([result])]},
        "metadata": receipt.brief(),
    }


def alternative(said: Sequence[result_pb2.StreamingResult]) -> dict[str, Any]:
    """The best reading of these segments, one after the other."""
    bests = [result.alternatives[0] for result in said if result.alternatives]
    listed = [_word(word) for best in bests for word in best.words]
    weights = [len(best.words) or 1 for best in bests]
    confidence = sum(best.confidence * weight for best, weight in zip(bests, weights, strict=True)) / max(
        1, sum(weights)
    )
    return {
        "transcript": " ".join(best.text for best in bests if best.text),
        "confidence": round(confidence, 4),
        "words": listed,
    }


def utterance(result: result_pb2.StreamingResult) -> dict[str, Any]:
    """A segment of a recording."""
    best = alternative([result])
    words = best["words"]
    return {
        "id": str(uuid.uuid4()),
        "start": words[0]["start"] if words else seconds(result.segment_start),
        "end": words[-1]["end"] if words else seconds(result.audio_processed),
        "channel": 0,
        **best,
    }


def _word(word: result_pb2.Word) -> dict[str, Any]:
    return {
        "word": word.text,
        "start": seconds(word.start),
        "end": seconds(word.end),
        "confidence": round(word.confidence, 4),
        "punctuated_word": word.text,
    }
