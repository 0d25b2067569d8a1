"""What a person sees while speaking."""

from __future__ import annotations

import io
import math
import time
from array import array
from itertools import pairwise

import pytest
from rich.console import Console

from amira.asr.v1.result_pb2 import StreamingResult
from amira_local.mic.meter import Meter
from amira_local.mic.screen import MicScreen, Panel, PlainMicView, meter_text
from amira_local.mic.status import SILENT_SERVER_S, Status
from tests.support.speech_server import result


def tone(amplitude: float) -> bytes:
    return array("h", (round(32767 * amplitude * math.sin(place / 3)) for place in range(1600))).tobytes()


def shown(panel: Panel, width: int, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(panel)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip("\n").split("\n")


def interim(text: str, stable: int) -> StreamingResult:
    return result(text, final=False, stable=stable).result


def test_the_meter_rises_at_once_and_falls_slowly() -> None:
    meter = Meter()
    assert meter.level_dbfs == -96
    meter.hear(tone(0.5))
    assert -10 < meter.level_dbfs < -8
    meter.hear(bytes(3200))
    assert meter.level_dbfs > -20
    bars = [meter_text(level, 20).plain for level in range(-60, 1, 5)]
    assert {len(bar) for bar in bars} == {22}
    assert all(quieter < louder for quieter, louder in pairwise(bar.count("█") for bar in bars[::2]))
    assert meter_text(-96, 8).plain == "▕        ▏"
    assert "red" in str(meter_text(-1, 8).spans)


def test_states_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    status = Status()
    panel = Panel(status, Meter())
    assert "connecting" in shown(panel, 100)[-1]
    status.answered()
    panel.spoken_s = 65.2
    assert "listening 1:05" in shown(panel, 100)[-1]
    status.degraded = True
    assert "degraded" in shown(panel, 100)[-1]
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + SILENT_SERVER_S + 1.6)
    assert "reconnecting (4 s)" in shown(panel, 100)[-1]
    status.answered()
    status.ending = True
    assert "ending" in shown(panel, 100)[-1]


@pytest.mark.parametrize("width", [20, 44, 80, 200])
def test_the_panel_fits_every_terminal(width: int) -> None:
    status = Status()
    status.answered()
    status.open_segment = interim("there once lived a man of no great fortune " * 20, 9)
    status.latencies.words_s.append(0.3)
    status.latencies.finals_s.append(1.4)
    lines = shown(Panel(status, Meter()), width, height=10)
    assert len(lines) <= 8
    assert max(map(len, lines)) <= width
    assert lines[-2].endswith("fortune")
    if width >= 80:
        assert "words 0.30 s, final 1.40 s" in lines[-1]


def test_finals_stay_above_the_panel_wrapped_beside_their_times() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=60, height=20)
    final = result("he was not an ill disposed young man unless to be rather cold", final=True).result
    final.segment_start.FromMilliseconds(1250)
    status = Status()
    with MicScreen(console, status, Meter()) as screen:
        status.open_segment = interim("he was not", 2)
        screen.refresh(1.0)
        screen.final(final)
        status.open_segment = None
        screen.say("[bold]1.0 s of sound was lost.")
    assert isinstance(console.file, io.StringIO)
    output = console.file.getvalue()
    assert "\x1b[1mhe was\x1b[0m\x1b[2m not\x1b[0m" in output
    assert "[   1.25    0.00]" in output
    assert "[bold]1.0 s of sound was lost." in output
    assert "\x1b[?25h" in output  # the cursor is back


def test_off_a_terminal_losses_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err, status = io.StringIO(), io.StringIO(), Status()
    view = PlainMicView(Console(file=out), Console(file=err, width=200), status)
    status.answered()
    view.refresh(1.0)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + SILENT_SERVER_S + 1)
    view.refresh(2.0)
    view.refresh(3.0)
    status.answered()
    view.refresh(4.0)
    view.final(result("he was", final=True).result)
    assert err.getvalue() == "The server does not answer: reconnecting.\nThe server answers again.\n"
    assert out.getvalue() == "[   0.00    0.00] he was\n"
