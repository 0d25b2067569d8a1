"""The plug-ins, with LiveKit Agents and Pipecat as they are published, real speech and a real server."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.clients.programs import Server, build_folder
from tests.clients.python.environment import with_frameworks

pytestmark = [pytest.mark.toolchain, pytest.mark.timeout(900)]  # most of it is an index's

PROGRAMS = Path(__file__).parent / "python"
Answers = dict[str, Any]


@pytest.fixture(scope="module")
def answers(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answers]:
    """What the programs heard, by framework."""
    environment = with_frameworks(build_folder("python"), tmp_path_factory.mktemp("wheels"))
    here = tmp_path_factory.mktemp("run")
    said = {
        name: environment.run(
            PROGRAMS / f"{name}_program.py", server.address, server.key, str(server.wav), cwd=here
        )
        for name in ("livekit", "pipecat")
    }
    return {name: json.loads(text) for name, text in said.items()}


@pytest.fixture(scope="module")
def livekit(answers: dict[str, Answers]) -> Answers:
    return answers["livekit"]


@pytest.fixture(scope="module")
def pipecat(answers: dict[str, Answers]) -> Answers:
    return answers["pipecat"]


def check_words(words: list[list[Any]], text: str, length_s: float) -> None:
    """They are those of the text, follow each other, and have confidences."""
    assert [word for word, *_ in words] == text.split()
    assert all(0 <= start < end <= length_s for _, start, end, _ in words)
    assert all(earlier[1] < later[1] for earlier, later in pairwise(words))
    assert all(0 < confidence <= 1 for *_, confidence in words)


# -- LiveKit ---------------------------------------------------------------------------------------


def test_livekit_hears_what_was_said_in_order(livekit: Answers, server: Server) -> None:
    events = livekit["streamed"]["events"]
    finals = [event for event in events if event["type"] == "final_transcript"]
    assert [final["text"] for final in finals] == server.finals
    for final in finals:
        check_words(final["words"], final["text"], 20)
        assert (final["start"], final["end"]) == (final["words"][0][1], final["words"][-1][2])
        assert final["language"] == "en"
        assert 0 < final["confidence"] <= 1
    order = [event["type"] for event in events if event["type"] != "recognition_usage"]
    turns = " ".join(order).split(" end_of_speech")
    assert turns.pop() == ""
    assert len(turns) == len(finals)
    for turn in turns:
        first, *interims, last = turn.split()
        assert (first, last) == ("start_of_speech", "final_transcript")
        assert len(interims) > 3
        assert set(interims) == {"interim_transcript"}
    assert len({event["request_id"] for event in events}) == 1


def test_livekit_is_told_of_usage(livekit: Answers) -> None:
    events = livekit["streamed"]["events"]
    assert sum(event.get("audio_s", 0) for event in events) == pytest.approx(18.84, abs=0.1)
    assert set(livekit["streamed"]["metrics"]) == {"stt_metrics"}


def test_livekit_recognizes_a_whole_recording(livekit: Answers, server: Server) -> None:
    heard = livekit["recognized"]
    assert heard["text"] == server.finals[0]
    check_words(heard["words"], heard["text"], 6)


def test_livekit_flushes_and_goes_on(livekit: Answers) -> None:
    first, *rest = livekit["flushed"]
    assert len(first.split()) >= 5
    assert len(" ".join(rest).split()) >= 5


def test_livekits_key_terms_change_in_mid_stream(livekit: Answers) -> None:
    assert len(livekit["key_terms"]) >= 3
    assert "selfish" in livekit["key_terms"][0].split()


def test_livekit_does_not_notice_a_broken_network(livekit: Answers, server: Server) -> None:
    assert livekit["broken_network"] == {"finals": server.finals, "errors": [], "cuts": 2}


def test_livekits_streams_leave_nothing_behind(livekit: Answers) -> None:
    assert livekit["cancelled"] == []


@pytest.mark.parametrize(("case", "status"), [("wrong_key", 401), ("unknown_model", 404)])
def test_livekit_does_not_retry_what_cannot_succeed(livekit: Answers, case: str, status: int) -> None:
    answer = livekit[case]
    for call in ("stream", "recognize"):
        name, code, _, retryable = answer["errors"][call]
        assert (name, code, retryable) == ("APIStatusError", status, False)
    assert answer["recoverable"] == [False, False]


def test_livekit_retries_where_nobody_answers(livekit: Answers) -> None:
    answer = livekit["nobody"]
    for call in ("stream", "recognize"):
        assert answer["errors"][call][0] == "APIConnectionError"
    assert True in answer["recoverable"]
    assert answer["recoverable"][-1] is False


# -- Pipecat ---------------------------------------------------------------------------------------


def kinds(frames: list[Answers]) -> list[str]:
    return [frame["type"].removesuffix("Frame") for frame in frames]


@pytest.mark.parametrize("case", ["whole", "server_turns"])
def test_pipecat_hears_what_was_said_before_the_end(pipecat: Answers, server: Server, case: str) -> None:
    frames = pipecat[case]["frames"]
    finals = [frame for frame in frames if frame["type"] == "TranscriptionFrame"]
    assert [final["text"] for final in finals] == server.finals
    for final in finals:
        check_words(final["words"], final["text"], 20)
        assert final["language"] == "en"
    assert kinds(frames).count("InterimTranscription") > 10
    assert kinds(frames)[-1] == "End"
    assert pipecat[case]["audio_frames"] == pytest.approx(18.84 * 50, abs=2)  # passed through
    assert pipecat[case]["usage_s"] == pytest.approx(18.84, abs=0.1)
    assert pipecat[case]["events"] == ["on_connected"]
    assert pipecat[case]["errors"] == []


def test_pipecats_turns_can_be_the_servers(pipecat: Answers, server: Server) -> None:
    assert pipecat["server_turns"]["external_turns"] == [True]
    turns = [kind for kind in kinds(pipecat["server_turns"]["frames"]) if kind != "InterimTranscription"]
    one = ["ProposedUserStartedSpeaking", "Transcription", "ProposedUserStoppedSpeaking"]
    assert turns == one * len(server.finals) + ["End"]
    assert pipecat["whole"]["external_turns"] == [False]
    assert not [kind for kind in kinds(pipecat["whole"]["frames"]) if kind.startswith("Proposed")]


def test_pipecats_vad_finishes_a_segment(pipecat: Answers) -> None:
    first, second = pipecat["vad"]
    assert first[1] is True
    assert len(first[0].split()) >= 5
    assert second[1] is False  # nobody had asked
    assert len(second[0].split()) >= 5


def test_pipecats_hotwords_change_in_mid_stream(pipecat: Answers) -> None:
    assert len(pipecat["hotwords"]) == 3
    assert "selfish" in pipecat["hotwords"][0].split()


def test_pipecat_does_not_notice_a_broken_network(pipecat: Answers, server: Server) -> None:
    assert pipecat["broken_network"] == {
        "finals": server.finals, "errors": [], "cuts": 2, "events": ["on_connected"],
    }  # fmt: skip


def test_pipecat_begins_anew_after_an_error(pipecat: Answers, server: Server) -> None:
    answer = pipecat["beginning_anew"]
    assert answer["errors"] == ["ErrorCategory.CONNECTIVITY"]
    assert answer["usable"]
    assert answer["events"] == ["on_connected", "on_disconnected", "on_connection_error", "on_connected"]
    assert answer["finals"] == [server.finals[0]]


def test_pipecat_can_be_muted_and_cancelled(pipecat: Answers) -> None:
    assert pipecat["muted"] == []
    assert pipecat["cancelled"] == []


@pytest.mark.parametrize(
    ("case", "category", "usable"),
    [
        ("wrong_key", "AUTHENTICATION", False),
        ("unknown_model", "INVALID_REQUEST", False),
        ("nobody", "CONNECTIVITY", True),
    ],
)
def test_pipecat_knows_whether_to_try_again(pipecat: Answers, case: str, category: str, usable: bool) -> None:
    assert pipecat[case]["category"] == f"ErrorCategory.{category}"
    assert pipecat[case]["usable"] is usable
    assert pipecat[case]["error"]
