"""A transcript as text, subtitles, a table or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from amira.asr.v1.result_pb2 import Alternative, StreamingResult
from amira_client import Transcript
from amira_core.subtitles import VTT_HEAD, Cue, final_cues, seconds, srt_block, vtt_block
from amira_local.log_view import printable


class Format(StrEnum):
    """Forms of a transcript; the value is the file's suffix."""

    TXT = "txt"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    TSV = "tsv"


NEED_WORD_TIMES = frozenset({Format.JSON, Format.SRT, Format.VTT, Format.TSV})
_TSV_HEAD = "segment\tstart_s\tend_s\tconfidence\tword\n"


def render(form: Format, name: str, audio_s: float | None, transcript: Transcript) -> str:
    """A whole transcript as the content of a file.

    Args:
        form: which.
        name: of the recording.
        audio_s: its length in seconds; None where it is not known.
        transcript: with word times, unless `form` is TXT.
    """
    match form:
        case Format.TXT:
            return "".join(map(text_line, transcript.finals))
        case Format.JSON:
            return _json(name, audio_s, transcript)
        case Format.SRT:
            return "".join(
                srt_block(number, cue, wrapped=True) for number, cue in enumerate(_cues(transcript.finals), 1)
            )
        case Format.VTT:
            return VTT_HEAD + "".join(vtt_block(cue, wrapped=True) for cue in _cues(transcript.finals))
        case Format.TSV:
            return _TSV_HEAD + "".join(map(_tsv_lines, transcript.finals))


def text_line(final: StreamingResult) -> str:
    """A segment's words; empty where it has none."""
    text = _cell(final.alternatives[0].text) if final.alternatives else ""
    return f"{text}\n" if text else ""


def segment_object(final: StreamingResult) -> dict[str, Any]:
    """A final as JSON has it: times in seconds from the recording's start."""
    best, *others = final.alternatives or [Alternative()]
    segment = {
        "segment": final.segment_id,
        "start_s": seconds(final.segment_start),
        "end_s": seconds(final.audio_processed),
        **_reading(best),
    }
    if others:
        segment["others"] = [_reading(other) for other in others]
    return segment


def _reading(reading: Alternative) -> dict[str, Any]:
    content: dict[str, Any] = {"text": reading.text, **_confidence(reading)}
    if reading.words:
        content["words"] = [
            {
                "text": word.text,
                "start_s": seconds(word.start),
                "end_s": seconds(word.end),
                **_confidence(word),
            }
            for word in reading.words
        ]
    return content


def _confidence(of: Any) -> dict[str, float]:
    return {"confidence": round(of.confidence, 4)} if of.HasField("confidence") else {}


def _json(name: str, audio_s: float | None, transcript: Transcript) -> str:
    session = transcript.session
    content = {
        "file": printable(name),
        "audio_s": None if audio_s is None else round(audio_s, 3),
        "model": session.model,
        "model_version": session.model_version,
        "session_id": session.session_id,
        "text": transcript.text,
        "segments": [segment_object(final) for final in transcript.finals],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _cues(finals: Sequence[StreamingResult]) -> Iterable[Cue]:
    return (cue for final in finals for cue in final_cues(final))


def _tsv_lines(final: StreamingResult) -> str:
    words = final.alternatives[0].words if final.alternatives else ()
    return "".join(
        f"{final.segment_id}\t{seconds(word.start):.3f}\t{seconds(word.end):.3f}\t"
        f"{f'{word.confidence:.4f}' if word.HasField('confidence') else ''}\t{_cell(word.text)}\n"
        for word in words
    )


def _cell(text: str) -> str:
    return printable(" ".join(text.split()))
