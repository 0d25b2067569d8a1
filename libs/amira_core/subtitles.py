"""Words to subtitles that can be read: SubRip (SRT) and WebVTT."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from amira.asr.v1 import result_pb2

LINE_CHARACTERS = 42
_MOST_CHARACTERS = 2 * LINE_CHARACTERS
"""Two lines, as is usual."""
_LONGEST_S = 7.0
_SHORTEST_S = 1.0
"""What is shown for less cannot be read; a cue stays this long where the next one leaves it the time."""
_PAUSE_S = 1.0
"""A silence that always ends a cue."""
_BREATH_S = 0.3
"""A silence that is as good a place to end a cue as any."""
_MIDST_COST = 0.3
_COMMA_COST = 0.1


@dataclass(slots=True)
class Cue:
    """What is shown at once; times in seconds."""

    start_s: float
    end_s: float
    text: str


def cues(segments: Iterable[Iterable[result_pb2.Word]]) -> Iterator[Cue]:
    """Cuts segments where a cue would be too long, and at pauses."""
    for words in segments:
        yield from segment_cues(words)


def final_cues(final: result_pb2.StreamingResult) -> list[Cue]:
    """The cues of one final; one for the whole segment where it has no word times."""
    if not final.alternatives or not final.alternatives[0].text:
        return []
    best, until_s = final.alternatives[0], seconds(final.audio_processed)
    if not best.words:
        return [Cue(seconds(final.segment_start), until_s, best.text)]
    return segment_cues(best.words, until_s)


def segment_cues(words: Iterable[result_pb2.Word], until_s: float = 0.0) -> list[Cue]:
    """The cues of one segment; none is shown beyond `until_s` unless its words are said then."""
    shown = [cue for run in _runs(words) for cue in _cut(run)]
    limits_s = [*(cue.start_s for cue in shown[1:]), until_s]
    for cue, limit_s in zip(shown, limits_s, strict=False):
        cue.end_s = max(cue.end_s, min(cue.start_s + _SHORTEST_S, limit_s))
    return shown


def srt(shown: Iterable[Cue]) -> str:
    """The cues as a SubRip file."""
    return "".join(srt_block(number, cue) for number, cue in enumerate(shown, 1))


def vtt(shown: Iterable[Cue]) -> str:
    """The cues as a WebVTT file."""
    return VTT_HEAD + "".join(vtt_block(cue) for cue in shown)


VTT_HEAD = "WEBVTT\n\n"


def srt_block(number: int, cue: Cue, *, wrapped: bool = False) -> str:
    """One cue of a SubRip file; `wrapped`: in two lines where it is too long for one."""
    text = wrap(cue.text) if wrapped else cue.text
    return f"{number}\n{_time(cue.start_s, ',')} --> {_time(cue.end_s, ',')}\n{text}\n\n"


def vtt_block(cue: Cue, *, wrapped: bool = False) -> str:
    """One cue of a WebVTT file; `wrapped`: in two lines where it is too long for one."""
    text = html.escape(wrap(cue.text) if wrapped else cue.text, quote=False)
    return f"{_time(cue.start_s, '.')} --> {_time(cue.end_s, '.')}\n{text}\n\n"


def wrap(text: str) -> str:
    """Two lines of about the same length, where one would be too long."""
    if len(text) <= LINE_CHARACTERS:
        return text
    spaces = [place for place, character in enumerate(text) if character == " "]
    if not spaces:
        return text
    middle = min(spaces, key=lambda place: max(place, len(text) - place - 1))
    return f"{text[:middle]}\n{text[middle + 1 :]}"


def seconds(duration: object) -> float:
    """A protobuf Duration in seconds, to the millisecond."""
    return round(duration.ToNanoseconds() / 1e9, 3)  # type: ignore[attr-defined,no-any-return]  # protobuf's stubs


def _runs(words: Iterable[result_pb2.Word]) -> Iterator[list[Cue]]:
    """Words as cues of their own, parted at pauses."""
    run: list[Cue] = []
    for word in words:
        cue = Cue(seconds(word.start), seconds(word.end), word.text)
        if run and cue.start_s - run[-1].end_s > _PAUSE_S:
            yield run
            run = []
        run.append(cue)
    if run:
        yield run


def _cut(run: Sequence[Cue]) -> list[Cue]:
    """The best way to part a run: cues of about the same length, ended where the speaker breathes."""
    starts = [0]  # where the cue that ends at each place begins, in the best way up to there
    costs = [0.0]
    for end in range(1, len(run) + 1):
        best, best_start = float("inf"), end - 1
        for start in range(end - 1, -1, -1):
            characters = sum(len(word.text) + 1 for word in run[start:end]) - 1
            too_much = characters > _MOST_CHARACTERS or run[end - 1].end_s - run[start].start_s > _LONGEST_S
            if too_much and start < end - 1:
                break
            cost = costs[start] + max(0.0, 1 - characters / _MOST_CHARACTERS) ** 2 + _break_cost(run, end)
            if cost < best:
                best, best_start = cost, start
        costs.append(best)
        starts.append(best_start)
    parted: list[Cue] = []
    end = len(run)
    while end:
        start = starts[end]
        text = " ".join(word.text for word in run[start:end])
        parted.append(Cue(run[start].start_s, run[end - 1].end_s, text))
        end = start
    return parted[::-1]


def _break_cost(run: Sequence[Cue], end: int) -> float:
    """How bad it is to end a cue before the word at `end`."""
    if end == len(run) or run[end - 1].text.endswith((".", "?", "!")):
        return 0.0
    if run[end - 1].text.endswith((",", ";", ":")):
        return _COMMA_COST
    breath = min(max(run[end].start_s - run[end - 1].end_s, 0.0), _BREATH_S) / _BREATH_S
    return _MIDST_COST * (1 - breath)


def _time(at_s: float, point: str) -> str:
    total_ms = round(at_s * 1000)
    minutes, ms = divmod(total_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"
