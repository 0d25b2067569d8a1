"""What people see: interims with their stable part, finals, words, logs."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from amira.asr.v1.result_pb2 import Alternative, StreamingResult, Word
from amira_local.log_view import LogView, printable, render_line
from amira_local.result_view import LiveView, final_lines, interim_text
from amira_local.stack import StackEvent
from tests.support.speech_server import result


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=80)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_stable_part_is_firm_and_the_rest_faint() -> None:
    response = result("he was not an", final=False, stable=2)
    text = interim_text(response.result)
    assert text.plain == "he was not an"
    console = terminal()
    console.print(text)
    assert written(console) == "\x1b[1mhe was\x1b[0m\x1b[2m not an\x1b[0m\n"


@given(words=st.lists(st.text("abc'", min_size=1, max_size=5), max_size=6), stable=st.integers(0, 9))
def test_an_interim_shows_every_word_once(words: list[str], stable: int) -> None:
    response = result(" ".join(words), final=False, stable=stable)
    assert interim_text(response.result).plain.split() == words


def test_an_interim_without_readings_is_empty() -> None:
    assert interim_text(StreamingResult()).plain == ""


def test_a_final_lists_readings_and_words() -> None:
    final = StreamingResult(is_final=True)
    word = Word(text="he", confidence=0.9)
    word.start.FromMilliseconds(480)
    word.end.FromMilliseconds(720)
    final.alternatives.extend(
        [Alternative(text="he", words=[word, Word(text="was")]), Alternative(text="hey")]
    )
    lines = [line.plain for line in final_lines(final)]
    assert lines[0].endswith("] he")
    assert lines[1].strip() == "2. hey"
    assert lines[2].split() == ["0.48", "0.72", "he", "0.90"]
    assert lines[3].split() == ["0.00", "0.00", "was"]


def test_the_live_view_leaves_only_finals() -> None:
    console = terminal()
    with LiveView(console) as view:
        view.response(result("he was", final=False, stable=1))
        view.response(result("he was not", final=True))
    output = written(console)
    assert "he was not" in output
    assert output.rindex("he was not") > output.rindex("was\x1b")
    assert output.endswith("\x1b[?25h") or "\x1b[?25h" in output  # the cursor is back


def test_json_logs_become_readable() -> None:
    line = json.dumps(
        {
            "event": "listening",
            "level": "warning",
            "timestamp": "2026-01-01T10:00:00Z",
            "port": 1,
            "service": "x",
        }
    )
    text = render_line("gateway", line).plain
    assert text.split()[1:] == ["gateway", "warning", "listening", "port=1"]


def test_errors_show_what_was_raised() -> None:
    record = {
        "event": "failed",
        "level": "error",
        "exception": [{"exc_type": "KeyError", "exc_value": "'x'"}],
    }
    assert "KeyError: 'x'" in render_line("decoder", json.dumps(record)).plain


@given(st.text(max_size=80).filter(lambda line: not line.strip().startswith("{")))
def test_any_line_is_shown_and_none_steers_the_terminal(line: str) -> None:
    shown = render_line("triton", line).plain
    assert shown.endswith(printable(line))
    assert shown.replace("\n", "").isprintable()


@given(
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.integers(), st.text(max_size=5)), max_size=4)
)
def test_any_json_object_is_shown(record: dict[str, object]) -> None:
    render_line("triton", json.dumps(record))


def test_a_death_comes_with_its_last_words() -> None:
    console = Console(file=io.StringIO(), width=80)
    LogView(console).event(StackEvent("died", "decoder", "killed by SIGKILL", ("[red]last words",)))
    assert "decoder died (killed by SIGKILL)" in written(console)
    assert "[red]last words" in written(console)
