"""Recordings of streams that never were."""

from __future__ import annotations

from collections.abc import Sequence

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2
from chaos.load import Recording, Said
from chaos.scripts import Script, Step

Response = speech_pb2.StreamingRecognizeResponse


def session() -> Response:
    return Response(session=result_pb2.SessionInfo(session_id="s"))


def result(segment: int, text: str, at_s: float, *, final: bool = False, word_s: float = 0.0) -> Response:
    """A result at `at_s` of the audio, its words a tenth of a second each from `word_s` on."""
    words = [
        result_pb2.Word(text=word) for word in text.split()
    ]  # fmt: skip
    for place, word in enumerate(words):
        word.start.FromMilliseconds(round(1000 * word_s) + 100 * place)
        word.end.FromMilliseconds(round(1000 * word_s) + 100 * place + 80)
    alternative = result_pb2.Alternative(text=text, words=words)
    made = result_pb2.StreamingResult(segment_id=segment, is_final=final, alternatives=[alternative])
    made.audio_processed.FromMilliseconds(round(1000 * at_s))
    return Response(result=made)


def event(segment: int, at_s: float, *, end: bool = False) -> Response:
    kind = result_pb2.SpeechEvent.KIND_SPEECH_END if end else result_pb2.SpeechEvent.KIND_SPEECH_START
    made = result_pb2.SpeechEvent(kind=kind, segment_id=segment)
    made.offset.FromMilliseconds(round(1000 * at_s))
    return Response(event=made)


def mark(name: str) -> Response:
    return Response(mark=speech_pb2.Mark(id=name))


def segment(number: int, text: str) -> list[Response]:
    """A segment of ten seconds, as a well-behaved server tells of it."""
    start_s = 10.0 * number
    half = " ".join(text.split()[: len(text.split()) // 2])
    return [
        event(number, start_s + 1),
        result(number, half, start_s + 2, word_s=start_s + 1),
        result(number, text, start_s + 3, word_s=start_s + 1),
        event(number, start_s + 4, end=True),
        result(number, text, start_s + 5, final=True, word_s=start_s + 1),
    ]


def good_stream() -> list[Response]:
    """Two segments and two marks."""
    return [
        session(),
        *segment(0, "he was not an ill disposed young man"),
        mark("a"),
        *segment(1, "unless to be rather cold hearted"),
        mark("b"),
    ]


def recording(responses: Sequence[Response], name: str = "0 pcm") -> Recording:
    """Each response comes when the audio that it speaks of has been decoded, others with the one before."""
    said, at_s = [], 0.0
    for response in responses:
        if response.HasField("result"):
            at_s = response.result.audio_processed.ToNanoseconds() / 1e9
        said.append(Said(at_s, response))
    return Recording(name, said)


SCRIPT = Script(
    "0 pcm", config_pb2.RecognitionConfig(), [Step(6, mark="a"), Step(16, mark="b"), Step(20, audio=b"..")]
)
