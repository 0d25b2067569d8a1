"""Words to subtitles that can be read: SubRip (SRT) and WebVTT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from amira.asr.v1 import result_pb2

_MOST_CHARACTERS = 84
"""Two lines of 42, as is usual."""
_LONGEST_S = 7.0
_PAUSE_S = 1.0


@dataclass(slots=True)
class Cue:
    """What is shown at once; times in seconds."""

    start_s: float
    end_s: float
    text: str


def cues(segments: Iterable[Iterable[result_pb2.Word]]) -> Iterator[Cue]:
    """Cuts segments where a cue would be too long, and at pauses."""
    for words in segments:
        cue: Cue | None = None
        for word in words:
            start_s, end_s = seconds(word.start), seconds(word.end)
            if cue is not None and _goes_on(cue, word.text, start_s, end_s):
                cue.end_s, cue.text = end_s, f"{cue.text} {word.text}"
                continue
            if cue is not None:
                yield cue
            cue = Cue(start_s, end_s, word.text)
        if cue is not None:
            yield cue


def srt(shown: Iterable[Cue]) -> str:
    """The cues as a SubRip file."""
    return "".join(
        f"{number}\n{_time(cue.start_s, ',')} --> {_time(cue.end_s, ',')}\n{cue.text}\n\n"
        for number, cue in enumerate(shown, 1)
    )


def vtt(shown: Iterable[Cue]) -> str:
    """The cues as a WebVTT file."""
    blocks = (f"{_time(cue.start_s, '.')} --> {_time(cue.end_s, '.')}\n{cue.text}\n\n" for cue in shown)
    return "WEBVTT\n\n" + "".join(blocks)


def seconds(duration: object) -> float:
    """A protobuf Duration in seconds, to the millisecond."""
    return round(duration.ToNanoseconds() / 1e9, 3)  # type: ignore[attr-defined,no-any-return]  # protobuf's stubs


def _goes_on(cue: Cue, text: str, start_s: float, end_s: float) -> bool:
    return (
        len(cue.text) + 1 + len(text) <= _MOST_CHARACTERS
        and end_s - cue.start_s <= _LONGEST_S
        and start_s - cue.end_s <= _PAUSE_S
    )


def _time(at_s: float, point: str) -> str:
    total_ms = round(at_s * 1000)
    minutes, ms = divmod(total_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"
