"""Windows as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from amira_core.metrics.buckets import FRAME_BUDGET_S
from amira_core.metrics.schema import Common, Decoder, Frontend, Gateway, Triton
from amira_local.services import METRICS_AT
from amira_local.top.window import Window

Row = Callable[[Window], list[str | Text]]

_IN_A_NODE = (METRICS_AT["frontend"], METRICS_AT["decoder"])
"""Where nothing answers when `amira up` runs them as parts of a node."""
_FULL = 0.9
_LATE_S = FRAME_BUDGET_S
_LATE_LOOP_S = 0.1


def render(windows: Sequence[Window], span: str) -> RenderableType:
    """The whole picture; `span` says what time the figures are of."""
    parts: list[RenderableType] = [_headline(windows, span)]
    for service, (title, columns, row) in _TABLES.items():
        of_service = [window for window in windows if service in _parts_of(window)]
        if of_service:
            parts.append(_table(title, columns, row, of_service))
    replicas = _replicas(windows)
    if replicas is not None:
        parts.append(replicas)
    has_node = any(window.now.service == "node" for window in windows)
    for window in windows:
        if has_node and window.now.address in _IN_A_NODE:
            continue
        if window.now.problem or not _parts_of(window):
            problem = window.now.problem or "this is no service of Amira"
            parts.append(Text(f"{window.now.address}: {problem}", style="bold red"))
    return Group(*parts)


def _headline(windows: Sequence[Window], span: str) -> Text:
    gateways = [window for window in windows if "gateway" in _parts_of(window)]
    streams = sum(window.now.value(Gateway.STREAMS_ACTIVE) for window in gateways)
    audio = sum(window.rate(Gateway.AUDIO) for window in gateways)
    words = sum(window.rate(Gateway.WORDS) for window in gateways)
    refused = sum(window.growth(Gateway.STREAMS_REFUSED) for window in gateways)
    text = Text("Amira  ", style="bold")
    text.append(f"{streams:.0f} streams, {audio:.1f} s of audio and {words:.1f} words a second, ", style="")
    text.append(f"{refused:.0f} refused", style="red" if refused else "")
    text.append(f"  ({span})", style="dim")
    return text


class _Fitting:
    """A table without the columns, last ones first, for which the terminal is too narrow."""

    def __init__(self, title: str, columns: Sequence[str], rows: Sequence[list[str | Text]]) -> None:
        self._title = title
        self._columns = columns
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        count = len(self._columns)
        unbounded = options.update(max_width=10_000)
        while (
            count > 2 and Measurement.get(console, unbounded, self._table(count)).maximum > options.max_width
        ):
            count -= 1
        yield self._table(count)

    def _table(self, count: int) -> Table:
        table = Table(
            title=self._title, title_justify="left", title_style="bold cyan", box=None, pad_edge=False
        )
        for index, column in enumerate(self._columns[:count]):
            justify: Literal["left", "right"] = "left" if index == 0 else "right"
            table.add_column(column, justify=justify, no_wrap=True, header_style="dim")
        for row in self._rows:
            table.add_row(*row[:count])
        return table


def _table(title: str, columns: Sequence[str], row: Row, windows: Sequence[Window]) -> _Fitting:
    rows: list[list[str | Text]] = []
    for window in windows:
        name = Text(window.now.address)
        if not window.now.value(Common.READY):
            name.append(" not ready", style="bold red")
        rows.append([name, *row(window), *_process(window)])
    return _Fitting(title, ("address", *columns, "cpu", "loop p99", "memory"), rows)


def _process(window: Window) -> list[str | Text]:
    lag_s = window.quantile(0.99, Common.LOOP_LAG)
    return [
        f"{window.rate(Common.CPU):.0%}",
        _warn(_ms(lag_s), lag_s is not None and lag_s > _LATE_LOOP_S),
        _bytes(window.now.value(Common.RESIDENT_MEMORY)),
    ]


def _gateway(window: Window) -> list[str | Text]:
    now = window.now
    p50, p99 = (window.quantile(share, Gateway.RESULT_LATENCY, pace="live") for share in (0.5, 0.99))
    moved = window.growth(Gateway.MOVES)
    lost = window.growth(Gateway.MOVES_FAILED)
    return [
        _used(now.value(Gateway.STREAMS_ACTIVE), now.value(Gateway.STREAMS_LIMIT)),
        _warn(f"{_ms(p50)} / {_ms(p99)}", p99 is not None and p99 > _LATE_S),
        f"{now.value(Gateway.LAG_MAX):.2f} s",
        _by_reason(window.growth_by(Gateway.STREAMS_REFUSED, "reason")),
        _warn(f"{moved:.0f} / {lost:.0f}", bool(moved or lost)),
        f"{window.growth(Gateway.STREAMS_ADMITTED):.0f}",
        f"{now.value(Gateway.SESSIONS_DETACHED):.0f}",
    ]


def _frontend(window: Window) -> list[str | Text]:
    now = window.now
    audio, work = window.growth(Frontend.AUDIO), window.growth(Frontend.WORK)
    return [
        _used(now.value(Frontend.STREAMS_ACTIVE), now.value(Frontend.STREAMS_LIMIT)),
        f"{audio / window.seconds:.1f} s/s",
        f"{work / audio:.5f}" if audio else "-",
        _by_reason(window.growth_by(Frontend.STREAMS_REFUSED, "reason")),
        f"{window.growth(Frontend.STREAMS):.0f}",
    ]


def _decoder(window: Window) -> list[str | Text]:
    now = window.now
    load = now.value(Decoder.LOAD)
    p50, p99 = (window.quantile(share, Decoder.CHUNK, pace="live") for share in (0.5, 0.99))
    stages = (
        window.mean(Decoder.STAGE, stage=stage, pace="live")
        for stage in ("wait", "encoder", "queue", "search")
    )
    batch = window.mean(Decoder.BATCH)
    orphaned = now.value(Decoder.SLOTS_ORPHANED)
    state = "lost" if not now.value(Decoder.ENCODER_AVAILABLE) else "ok"
    if now.value(Decoder.DEGRADED):
        state = "degraded"
    return [
        _used(now.value(Decoder.SLOTS_USED), now.value(Decoder.SLOTS)),
        _warn(f"{load:.0%}", load > _FULL),
        f"{_ms(p50)} / {_ms(p99)}",
        _warn(state, state != "ok"),
        _by_reason(window.growth_by(Decoder.STREAMS_REFUSED, "reason")),
        "-" if batch is None else f"{batch:.1f}",
        " + ".join("-" if mean is None else f"{mean * 1000:.1f}" for mean in stages),
        _warn(f"{orphaned:.0f}", orphaned > 0),
    ]


def _triton(window: Window) -> list[str | Text]:
    now = window.now
    return [
        _warn("up" if now.value(Triton.UP) else "down", not now.value(Triton.UP)),
        f"{now.value(Triton.STARTS):.0f}",
        f"{now.value(Triton.MODEL_RELOADS):.0f}",
        _ms(window.quantile(0.99, Triton.CANARY)),
        _bytes(now.value(Triton.SERVER_MEMORY)),
    ]


_TABLES: dict[str, tuple[str, tuple[str, ...], Row]] = {
    "gateway": (
        "gateway",
        ("streams", "latency p50 / p99", "most lag", "refused", "moved / lost", "admitted", "detached"),
        _gateway,
    ),
    "frontend": ("frontend", ("streams", "audio", "real-time factor", "refused", "taken"), _frontend),
    "decoder": (
        "decoder",
        (
            "slots",
            "load",
            "chunk p50 / p99",
            "encoder",
            "refused",
            "batch",
            "wait + encoder + queue + search ms",
            "orphaned",
        ),
        _decoder,
    ),
    "triton": ("triton", ("model", "starts", "reloads", "check p99", "server memory"), _triton),
}


def _parts_of(window: Window) -> tuple[str, ...]:
    """The services that a process is made of; a node is three of them."""
    service = window.now.service
    return (
        ("gateway", "frontend", "decoder") if service == "node" else (service,) if service in _TABLES else ()
    )


def _replicas(windows: Sequence[Window]) -> Table | None:
    table = Table(
        title="replicas, as gateways see them", title_justify="left", title_style="bold cyan", box=None,
        pad_edge=False,
    )  # fmt: skip
    for column in ("gateway", "service", "replica", "calls", "breaker"):
        table.add_column(column, no_wrap=True, header_style="dim")
    for window in windows:
        calls = window.now.values.get(Gateway.REPLICA_CALLS.series, {})
        for labels, open_calls in sorted(calls.items()):
            place = dict(labels)
            states = {
                state
                for state in ("open", "half-open")
                if window.now.value(Gateway.BREAKER, state=state, **place)
            }
            breaker = _warn(", ".join(states) or "closed", bool(states))
            table.add_row(
                window.now.address, place["service"], place["replica"], f"{open_calls:.0f}", breaker
            )
    return table if table.row_count else None


def _used(used: float, there_are: float) -> Text:
    return _warn(f"{used:.0f} / {there_are:.0f}", there_are > 0 and used / there_are > _FULL)


def _by_reason(counts: dict[str, float]) -> Text:
    if not counts:
        return Text("0")
    most = sorted(counts.items(), key=lambda item: -item[1])[:2]
    return _warn(", ".join(f"{count:.0f} {reason}" for reason, count in most))


def _warn(words: str, bad: bool = True) -> Text:
    return Text(words, style="bold red" if bad else "")


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def _bytes(count: float) -> str:
    return f"{count / 1e6:.0f} MB"
