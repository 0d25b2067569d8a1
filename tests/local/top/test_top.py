"""`amira top`: windows between readings, and pictures that fit the terminal."""

from __future__ import annotations

import http.server
import math
import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from io import StringIO

import pytest
from rich.console import Console

from amira_core.metrics.schema import Gateway
from amira_local.services import METRICS_AT
from amira_local.top.pages import Page, parse, read_page
from amira_local.top.view import render
from amira_local.top.window import History, Window, estimate_quantile

BUILD = 'amira_build_info{service="gateway",version="1",python="3"} 1\namira_ready 1\n'


def page(text: str, read_at: float = 100.0, started_at: float = 50.0) -> Page:
    """A gateway's page."""
    text = f"{BUILD}amira_process_start_time_seconds {started_at}\n{text}"
    return Page("127.0.0.1:1", read_at, parse(text))


def shown(window: Window, width: int) -> str:
    """The picture as text."""
    out = StringIO()
    Console(file=out, width=width, color_system=None).print(render([window], "now"))
    return out.getvalue()


@pytest.mark.parametrize(
    ("share", "counts", "expected"),
    [
        (0.5, {1.0: 10.0, 2.0: 10.0, math.inf: 10.0}, 0.5),
        (0.5, {1.0: 0.0, 2.0: 10.0, math.inf: 10.0}, 1.5),
        (0.99, {1.0: 50.0, 2.0: 100.0, math.inf: 100.0}, 1.98),
        (0.99, {1.0: 50.0, 2.0: 90.0, math.inf: 100.0}, 2.0),
        (0.5, {1.0: 0.0, math.inf: 0.0}, None),
        (0.5, {}, None),
    ],
)
def test_quantiles_are_prometheus_own(
    share: float, counts: dict[float, float], expected: float | None
) -> None:
    found = estimate_quantile(share, counts)
    assert found == (None if expected is None else pytest.approx(expected))


def test_windows_are_what_happened_in_between() -> None:
    refused = 'amira_gateway_streams_refused_total{reason="NO_CAPACITY"} '
    window = Window(page(refused + "7", read_at=110), page(refused + "4", read_at=100))
    assert window.seconds == 10
    assert window.rate(Gateway.STREAMS_REFUSED) == pytest.approx(0.3)
    assert window.growth_by(Gateway.STREAMS_REFUSED, "reason") == {"NO_CAPACITY": 3}


def test_a_service_that_was_started_anew_begins_at_zero() -> None:
    before = page("amira_gateway_words_total 100", started_at=50)
    after = page("amira_gateway_words_total 10", read_at=110, started_at=time.time() - 5)
    window = Window(after, before)
    assert window.growth(Gateway.WORDS) == 10
    assert window.seconds == pytest.approx(5, abs=1)


def test_history_keeps_about_as_much_as_it_should() -> None:
    history = History(30)
    windows = [history.add(page(f"amira_gateway_words_total {t}", read_at=float(t))) for t in range(100)]
    assert windows[0].growth(Gateway.WORDS) == 0
    assert windows[20].growth(Gateway.WORDS) == 20
    assert windows[99].growth(Gateway.WORDS) == 30
    gone = history.add(Page("127.0.0.1:1", 100.0, {}, "Connection refused"))
    assert gone.growth(Gateway.WORDS) == 0


def test_narrow_terminals_lose_whole_columns_and_no_figure_is_cut() -> None:
    text = "amira_gateway_streams_active 12\namira_gateway_streams_limit 128\n"
    wide, narrow = shown(Window(page(text)), 160), shown(Window(page(text)), 60)
    for picture, width in ((wide, 160), (narrow, 60)):
        assert "12 / 128" in picture
        assert "\N{HORIZONTAL ELLIPSIS}" not in picture
        assert max(map(len, picture.splitlines())) <= width
    assert "memory" in wide
    assert "memory" not in narrow


def test_what_does_not_answer_is_named_with_its_reason() -> None:
    assert "Connection refused" in shown(Window(read_page("127.0.0.1:9")), 100)
    assert read_page("no such host:1").problem
    assert read_page("127.0.0.1:notaport").problem


@pytest.fixture
def odd_server() -> Iterator[tuple[str, list[bytes]]]:
    """Answers whatever the test puts into the list."""
    answers: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(answers[0])

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", answers
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n<html>not metrics</html>",
        b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe\x00",
        b"HTTP/1.1 500 No\r\n\r\n",
        b"what?",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    ],
)
def test_answers_that_make_no_sense_are_a_problem_and_no_end(
    odd_server: tuple[str, list[bytes]], answer: bytes
) -> None:
    address, answers = odd_server
    answers.append(answer)
    assert read_page(address).problem


def test_pages_of_other_programs_are_told_apart(odd_server: tuple[str, list[bytes]]) -> None:
    address, answers = odd_server
    answers.append(b"HTTP/1.1 200 OK\r\n\r\nup 1\n")
    assert "no service of Amira" in shown(Window(read_page(address)), 100)


def test_once_without_any_service_says_so_and_fails() -> None:
    command = [sys.executable, "-m", "amira_local", "top", "--once", "127.0.0.1:9"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Connection refused" in done.stdout


def read_until_closed(descriptor: int) -> bytes:
    """What comes next; nothing once the other side of the terminal is closed (Linux: EIO)."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize("key", [b"q", b"Q", b"\x04"])
def test_q_ends_the_picture_and_leaves_the_terminal_as_it_was(
    odd_server: tuple[str, list[bytes]], key: bytes
) -> None:
    address, answers = odd_server
    answers.append(f"HTTP/1.1 200 OK\r\n\r\n{BUILD}amira_gateway_streams_active 5\n".encode())
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "amira_local", "top", address]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    out = b""
    try:
        while b"5 / 0" not in out:
            assert select.select([ours], [], [], 30)[0], out
            out += os.read(ours, 65536)
        os.write(ours, key)
        while piece := read_until_closed(ours):
            out += piece
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"\x1b[?1049h" in out  # another screen ...
    assert out.rindex(b"\x1b[?1049l") > out.rindex(b"\x1b[?1049h")  # ... and back


def test_a_node_is_shown_as_the_three_that_it_is_made_of() -> None:
    text = BUILD.replace('service="gateway"', 'service="node"') + "amira_gateway_streams_active 7\n"
    node = Page(METRICS_AT["gateway"], 100.0, parse(text))
    nothing = [Page(METRICS_AT[name], 100.0, {}, "refused") for name in ("frontend", "decoder")]
    out = StringIO()
    Console(file=out, width=200, color_system=None).print(
        render([Window(each) for each in (node, *nothing)], "now")
    )
    picture = out.getvalue()
    assert "7 streams" in picture
    assert [title for title in ("gateway", "frontend", "decoder") if f"\n{title} " in picture] == [
        "gateway",
        "frontend",
        "decoder",
    ]
    assert "refused\n" not in picture
    assert METRICS_AT["decoder"] not in picture
