"""One stream of the disturbed run against the same stream of the undisturbed one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from amira.asr.v1 import result_pb2
from chaos.load import Recording
from chaos.scripts import Script
from chaos.words import WordChanges, compare_words


@dataclass(frozen=True)
class StreamVerdict:
    """What is wrong with one stream; nothing, when :attr:`clean`."""

    name: str
    words: int
    """Words that should have come."""
    changes: WordChanges
    undelivered: int = 0
    """Words behind the last final of a stream that failed: not lost, for its client was told."""
    failure: str = ""
    problems: list[str] = field(default_factory=list)
    """Everything but words: times, segments, events, marks, order."""

    @property
    def clean(self) -> bool:
        """Whether the stream is as if nothing had happened."""
        return not (self.changes or self.failure or self.problems)


def judge(script: Script, wanted: Recording, got: Recording) -> StreamVerdict:
    """Compares `got` with the undisturbed `wanted`. Of a stream that failed, only what came is compared."""
    finals = wanted.finals
    expected = finals if got.failure is None else finals[: len(got.finals)]
    problems = _final_problems(expected, got.finals) + protocol_problems(got)
    problems += _list_problems("event", _events(wanted), _events(got), cut=got.failure is not None)
    problems += _list_problems("mark", script.marks, got.marks, cut=got.failure is not None)
    return StreamVerdict(
        name=script.name,
        words=len(_words(finals)),
        changes=compare_words(_words(expected), _words(got.finals)),
        undelivered=len(_words(finals[len(expected) :])),
        failure=str(got.failure or ""),
        problems=problems,
    )


def protocol_problems(recording: Recording) -> list[str]:
    """What no stream may do, whatever it says: the protocol's promises on order and number."""
    problems = []
    # A stream that was refused at its start has none.
    if len(recording.sessions) != 1 and not (recording.failure and not recording.said):
        problems.append(f"{len(recording.sessions)} session messages instead of one")
    elif recording.said and not recording.said[0].response.HasField("session"):
        problems.append("the session message is not the first one")
    return (
        problems
        + _number_problems(recording)
        + _result_problems(recording)
        + _event_order_problems(recording)
    )


def _number_problems(recording: Recording) -> list[str]:
    """Responses are numbered without gaps, and what has arrived does not go away again."""
    problems = []
    sequence = offset = 0
    for said in recording.said:
        response = said.response
        if response.sequence:
            # Another gateway numbers anew, and the client leaves out what it repeats.
            if sequence and response.sequence != sequence + 1 and not recording.resumes:
                problems.append(f"response {response.sequence} behind response {sequence}")
            sequence = response.sequence
        if response.received_offset:
            if response.received_offset < offset:
                problems.append(f"received_offset goes back from {offset} to {response.received_offset}")
            offset = max(offset, response.received_offset)
    return problems


def _result_problems(recording: Recording) -> list[str]:
    problems = []
    processed_ns, closed = 0, -1
    last_word_ns = 0
    for at_s, result in recording.results:
        kind = "final" if result.is_final else "interim"
        place = f"{kind} of segment {result.segment_id} at {at_s:.2f} s"
        if result.segment_id <= closed:
            problems.append(f"{place} behind the final of segment {closed}")
        here_ns = result.audio_processed.ToNanoseconds()
        if here_ns < processed_ns:
            problems.append(f"{place} goes back from {_s(processed_ns)} to {_s(here_ns)}")
        processed_ns = max(processed_ns, here_ns)
        if result.is_final:
            closed = max(closed, result.segment_id)
            for word in _timed(result):
                if word.start.ToNanoseconds() < last_word_ns:
                    problems.append(f"{place}: {word.text!r} begins before the word before it")
                last_word_ns = word.start.ToNanoseconds()
    return problems


def _event_order_problems(recording: Recording) -> list[str]:
    """SPEECH_START before a segment's first result, SPEECH_END before its final, once each."""
    problems = []
    started: Counter[int] = Counter()
    ended: Counter[int] = Counter()
    for said in recording.said:
        response = said.response
        if response.HasField("event"):
            kind, segment = response.event.kind, response.event.segment_id
            is_start = kind == result_pb2.SpeechEvent.KIND_SPEECH_START
            (started if is_start else ended)[segment] += 1
            if not is_start and not started[segment]:
                problems.append(f"SPEECH_END of segment {segment} before its SPEECH_START")
        elif response.HasField("result"):
            segment = response.result.segment_id
            if not started[segment]:
                problems.append(f"a result of segment {segment} before its SPEECH_START")
            if response.result.is_final != bool(ended[segment]):
                what = "no SPEECH_END before its final" if response.result.is_final else "goes on behind it"
                problems.append(f"segment {segment}: {what}")
    for name, counter in (("SPEECH_START", started), ("SPEECH_END", ended)):
        problems += [
            f"{count} {name} of segment {segment}" for segment, count in counter.items() if count > 1
        ]
    return problems


def _final_problems(
    wanted: Sequence[result_pb2.StreamingResult], got: Sequence[result_pb2.StreamingResult]
) -> list[str]:
    """Segment ids and times; words themselves are compared elsewhere."""
    problems = []
    wanted_ids, got_ids = [final.segment_id for final in wanted], [final.segment_id for final in got]
    problems += _list_problems("final of segment", list(map(str, wanted_ids)), list(map(str, got_ids)))
    by_id = {final.segment_id: final for final in got}
    for final in wanted:
        other = by_id.get(final.segment_id)
        if other is None:
            continue
        for name in ("segment_start", "audio_processed"):
            mine, its = getattr(final, name).ToNanoseconds(), getattr(other, name).ToNanoseconds()
            if mine != its:
                problems.append(f"segment {final.segment_id}: {name} is {_s(its)} instead of {_s(mine)}")
        moved = [
            f"{theirs.text!r} at {_span(theirs)} instead of {_span(ours)}"
            for ours, theirs in zip(_timed(final), _timed(other), strict=False)
            if ours.text == theirs.text and _span(ours) != _span(theirs)
        ]
        if moved:
            more = f" and {len(moved) - 1} more" if len(moved) > 1 else ""
            problems.append(f"segment {final.segment_id}: {moved[0]}{more}")
    return problems


def _list_problems(what: str, wanted: Sequence[str], got: Sequence[str], *, cut: bool = False) -> list[str]:
    """Missing, doubled, unknown or out of order. `cut`: the list may end early."""
    if cut:
        wanted = wanted[: len(got)]
    if list(wanted) == list(got):
        return []
    missing, extra = Counter(wanted) - Counter(got), Counter(got) - Counter(wanted)
    problems = [f"{what} {one} is missing" for one in missing]
    problems += [f"{what} {one} came {'again' if one in wanted else 'and should not'}" for one in extra]
    return problems or [f"{what}s are out of order: {', '.join(got)}"]


def _events(recording: Recording) -> list[str]:
    names = {
        result_pb2.SpeechEvent.KIND_SPEECH_START: "SPEECH_START",
        result_pb2.SpeechEvent.KIND_SPEECH_END: "SPEECH_END",
    }
    return [
        f"{names.get(event.kind, '?')} {event.segment_id} at {_s(event.offset.ToNanoseconds())}"
        for event in recording.events
    ]


def _words(finals: Sequence[result_pb2.StreamingResult]) -> list[str]:
    return [word for final in finals if final.alternatives for word in final.alternatives[0].text.split()]


def _timed(final: result_pb2.StreamingResult) -> Sequence[result_pb2.Word]:
    return final.alternatives[0].words if final.alternatives else ()


def _span(word: result_pb2.Word) -> str:
    return f"{_s(word.start.ToNanoseconds())} to {_s(word.end.ToNanoseconds())}"


def _s(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:.2f} s"
