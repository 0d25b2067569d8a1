"""What is sent again, and what is not: against a server that says what has arrived."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from amira.asr.v1.speech_pb2 import (
    AudioChunk,
    EndOfAudio,
    Flush,
    KeepAlive,
    Mark,
    ResumePoint,
    StreamControl,
    StreamingRecognizeRequest,
    UpdateConfig,
)
from amira_client import AudioEncoding, RecognitionConfig
from amira_client.replay_buffer import ReplayBuffer
from amira_client.resuming import Backoff
from amira_client.servers import split_targets

CONFIG = RecognitionConfig(
    encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16_000, interim_results=True
)
MOST = 1_000_000


def audio(size: int, fill: int = 0) -> StreamingRecognizeRequest:
    return StreamingRecognizeRequest(audio=AudioChunk(content=bytes([fill]) * size))


def control(**fields: Any) -> StreamingRecognizeRequest:
    return StreamingRecognizeRequest(control=StreamControl(**fields))


FLUSH = control(flush=Flush())
END = control(end_of_audio=EndOfAudio())
QUIET = control(update_config=UpdateConfig(interim_results=False))


def filled(*requests: StreamingRecognizeRequest, most: int = MOST) -> ReplayBuffer:
    buffer = ReplayBuffer(CONFIG, 2, most)
    for request in requests:
        buffer.append(request)
    return buffer


def names(requests: list[StreamingRecognizeRequest]) -> list[object]:
    return [
        (r.audio.offset, len(r.audio.content) // 2)
        if r.HasField("audio")
        else r.control.WhichOneof("control")
        for r in requests
    ]


def test_a_resume_point_drops_what_is_done_with_and_folds_settings() -> None:
    buffer = filled(audio(200), QUIET, FLUSH, control(mark=Mark(id="a")), audio(200), FLUSH, audio(200))
    assert buffer.opening().config.interim_results
    buffer.settle(ResumePoint(audio_offset=150, state=b"x"))
    opening = buffer.opening()
    assert not opening.config.interim_results
    assert opening.resume_point.state == b"x"
    assert opening.resumable
    assert names(buffer.begin_session()) == ["mark", (150, 50), "flush", (200, 100)]
    assert CONFIG.interim_results  # the caller's own


def test_controls_right_at_the_point_are_sent_again() -> None:
    buffer = filled(audio(200), FLUSH, QUIET, audio(200))
    buffer.settle(ResumePoint(audio_offset=100))
    assert names(buffer.begin_session()) == ["flush", "update_config", (100, 100)]


def test_marks_that_came_back_are_not_sent_again() -> None:
    buffer = filled(control(mark=Mark(id="a")), audio(20), control(mark=Mark(id="a")), FLUSH, END)
    buffer.mark_echoed()
    assert names(buffer.begin_session()) == [(0, 10), "mark", "flush", "end_of_audio"]


def test_what_has_arrived_in_the_session_is_not_sent_again() -> None:
    buffer = filled(audio(200), control(mark=Mark(id="a")), FLUSH, audio(200), FLUSH, END)
    buffer.mark_echoed()
    assert names(buffer.after(150, 2)) == [(150, 50), "flush", "end_of_audio"]
    assert names(buffer.after(200, 4)) == []


def test_keep_alives_are_not_kept() -> None:
    assert filled(control(keep_alive=KeepAlive())).begin_session() == []


def test_more_than_there_is_room_for() -> None:
    buffer = filled(audio(4_000), most=5_000)
    assert buffer.replayable
    buffer.append(audio(2_000))
    assert not buffer.replayable
    buffer.append(late := audio(2_000))
    assert late.audio.offset == 3_000  # goes on to count
    buffer.settle(ResumePoint(audio_offset=100))
    assert buffer.begin_session() == []


def request_of(step: str, size: int, number: int) -> StreamingRecognizeRequest:
    if step == "audio":
        return audio(size)
    if step == "mark":
        return control(mark=Mark(id=f"m{number}"))
    return FLUSH if step == "flush" else control(keep_alive=KeepAlive())


Steps = st.lists(
    st.one_of(
        st.integers(1, 50).map(lambda units: ("audio", units)),
        st.sampled_from([("mark", 0), ("flush", 0), ("keep_alive", 0)]),
        st.tuples(st.just("settle"), st.integers(0, 400)),
        st.just(("echo", 0)),
        st.tuples(st.just("lose"), st.integers(0, 60)),
    ),
    max_size=60,
)


@given(steps=Steps)
def test_every_server_gets_all_that_it_lacks_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    """A server model: what it has is always a prefix of what was said, without repetition."""
    buffer = ReplayBuffer(CONFIG, 1, MOST)
    said: list[object] = []  # each unit of audio, and each control
    has: list[object] = []
    pending: list[object] = []
    marks = echoed = 0

    def items(requests: list[StreamingRecognizeRequest]) -> list[object]:
        flat: list[object] = []
        for request in requests:
            if request.HasField("audio"):
                flat += range(request.audio.offset, request.audio.offset + len(request.audio.content))
            else:
                flat.append(request.control.mark.id or "flush")
        return flat

    for step, number in steps:
        if step in ("audio", "mark", "flush", "keep_alive"):
            marks += step == "mark"
            request = request_of(step, number, marks)
            buffer.append(request)
            if step != "keep_alive":
                said += items([request])
                pending += items([request])
        elif step == "echo" and f"m{echoed + 1}" in has:
            echoed += 1
            buffer.mark_echoed()
        elif step == "settle":
            reached = [item for item in has if isinstance(item, int)]
            if reached and number <= reached[-1]:
                buffer.settle(ResumePoint(audio_offset=number))
        elif step == "lose":
            has += pending[:number]  # the rest was on its way
            arrived = [item for item in has if isinstance(item, int)]
            offset = arrived[-1] + 1 if arrived else 0
            controls = sum(isinstance(item, str) for item in has)
            pending = items(buffer.after(offset, controls))
            assert has + pending == said
    assert buffer.replayable


@given(size=st.integers(0, 3_000), offset=st.integers(0, 1_500))
def test_a_new_session_gets_the_audio_from_its_point_on(size: int, offset: int) -> None:
    pieces = [audio(min(200, size - start)) for start in range(0, size, 200)]
    buffer = filled(*(piece for piece in pieces if len(piece.audio.content) % 2 == 0))
    total = sum(len(p.audio.content) for p in pieces if len(p.audio.content) % 2 == 0) // 2
    buffer.settle(ResumePoint(audio_offset=min(offset, total)))
    sent = buffer.begin_session()
    position = min(offset, total)
    for request in sent:
        assert request.audio.offset == position
        position += len(request.audio.content) // 2
    assert position == total


def test_addresses() -> None:
    assert split_targets("a:1, b:2,") == ["a:1", "b:2"]
    assert split_targets(["a:1", "b:2,c:3"]) == ["a:1", "b:2", "c:3"]
    assert split_targets("ipv4:10.0.0.1:1,10.0.0.2:1") == ["ipv4:10.0.0.1:1,10.0.0.2:1"]


def test_delays_grow_and_stay_bounded() -> None:
    backoff = Backoff()
    delays = [backoff.next_s() for _ in range(20)]
    assert delays[0] < 0.2
    assert max(delays) <= 3.0
    assert len(set(delays)) > 10
