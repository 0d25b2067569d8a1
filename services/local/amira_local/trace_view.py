"""`amira trace`: a trace, read from Jaeger, as a tree in the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from rich.console import Console
from rich.text import Text

DEFAULT_URL = "http://127.0.0.1:16686"
URL_VARIABLE = "AMIRA_JAEGER_URL"
"""Environment variable that names Jaeger's address, where it is not the default."""

_TIMEOUT_S = 10.0
_WAIT_S = 5.0
_LOOK_AGAIN_S = 0.5
_BAR_CELLS = 24
_SHOWN = "amira."


class TraceReadError(Exception):
    """The trace cannot be read; the message says why."""


@dataclass(frozen=True)
class ReadSpan:
    """A span as Jaeger has it."""

    service: str
    name: str
    span_id: str
    parent_id: str
    start_us: int
    duration_us: int
    attributes: dict[str, Any]
    events: list[tuple[str, int, dict[str, Any]]]
    """Name, time in microseconds, attributes."""
    links: list[tuple[str, str]]
    """Trace and span ids."""

    @property
    def failed(self) -> bool:
        """Whether its status is an error."""
        return self.attributes.get("error") is True or self.attributes.get("otel.status_code") == "ERROR"


def read_trace(jaeger_url: str, trace_id: str) -> list[ReadSpan]:
    """The spans of a trace, by Jaeger's query API; none while Jaeger knows none. Raises TraceReadError."""
    if not jaeger_url.startswith(("http://", "https://")):
        raise TraceReadError(f"{jaeger_url!r} is no address of Jaeger: give one like http://127.0.0.1:16686.")
    try:
        with urlopen(f"{jaeger_url}/api/traces/{trace_id}", timeout=_TIMEOUT_S) as answer:  # noqa: S310 - checked
            content = json.load(answer)
    except HTTPError as error:
        if error.code == 404:
            return []
        raise TraceReadError(
            f"Jaeger at {jaeger_url} answered {error.code}: is {trace_id!r} a trace id?"
        ) from error
    except (URLError, OSError, ValueError) as error:
        raise TraceReadError(
            f"Jaeger does not answer at {jaeger_url}: start it with `make jaeger`."
        ) from error
    return [span for trace in content.get("data") or () for span in _spans(trace)]


def show_trace(spans: list[ReadSpan], console: Console) -> None:
    """Prints the tree: when each span was, how long, and what it says of the stream."""
    known = {span.span_id for span in spans}
    children: dict[str, list[ReadSpan]] = {}
    for span in sorted(spans, key=lambda span: span.start_us):
        children.setdefault(span.parent_id if span.parent_id in known else "", []).append(span)
    begin_us = min(span.start_us for span in spans)
    whole_us = max(1, max(span.start_us + span.duration_us for span in spans) - begin_us)
    for depth, span in _in_order("", children, 0):
        console.print(_line(span, depth, begin_us, whole_us), soft_wrap=True)


async def report_trace(trace_id: str, env: Mapping[str, str], console: Console) -> None:
    """Says where a trace is that has just ended, and shows it where Jaeger has it within a few seconds.

    Args:
        trace_id: empty: there is none, nothing is said.
        env: of the services, on top of this process's environment.
    """
    if not trace_id:
        return
    url = env.get(URL_VARIABLE) or os.environ.get(URL_VARIABLE) or DEFAULT_URL
    console.print(f"\nTrace: {url}/trace/{trace_id}", highlight=False, soft_wrap=True)
    spans: list[ReadSpan] = []
    give_up_at = time.monotonic() + _WAIT_S
    with contextlib.suppress(TraceReadError):
        while not _is_whole(spans) and time.monotonic() < give_up_at:
            await asyncio.sleep(_LOOK_AGAIN_S)
            spans = await asyncio.to_thread(read_trace, url, trace_id)
    if spans:
        show_trace(spans, console)


def _is_whole(spans: list[ReadSpan]) -> bool:
    """Whether all services have sent what they had; Triton is not heard of where there is none."""
    return {"amira-gateway", "amira-frontend", "amira-decoder"} <= {span.service for span in spans}


def _in_order(
    parent_id: str, children: dict[str, list[ReadSpan]], depth: int
) -> Iterator[tuple[int, ReadSpan]]:
    for span in children.get(parent_id, []):
        yield depth, span
        yield from _in_order(span.span_id, children, depth + 1)


def _line(span: ReadSpan, depth: int, begin_us: int, whole_us: int) -> Text:
    first = round((span.start_us - begin_us) / whole_us * (_BAR_CELLS - 1))
    cells = max(1, min(_BAR_CELLS - first, round(span.duration_us / whole_us * _BAR_CELLS)))
    bar = " " * first + "━" * cells
    line = Text()
    line.append(f"{bar:<{_BAR_CELLS}} ", "red" if span.failed else "cyan")
    line.append(f"{span.duration_us / 1000:9.1f} ms  {'  ' * depth}")
    line.append(span.service.removeprefix("amira-"), "bold")
    line.append(f" {span.name.rpartition('/')[2]}", "bold red" if span.failed else "")
    for detail in _details(span, begin_us):
        line.append(f"  {detail}", "dim")
    return line


def _details(span: ReadSpan, begin_us: int) -> Iterator[str]:
    if span.failed:
        yield str(span.attributes.get("error.type", "failed"))
    for key, value in span.attributes.items():
        if key.startswith(_SHOWN):
            yield f"{key.removeprefix(_SHOWN)}={value}"
    for name, at_us, attributes in span.events:
        about = " ".join(f"{key.removeprefix(_SHOWN)}={value}" for key, value in attributes.items())
        yield f"[{name} at {(at_us - begin_us) / 1000:.0f} ms{' ' + about if about else ''}]"
    for trace_id, span_id in span.links:
        yield f"→ {trace_id}/{span_id}"


def _spans(trace: dict[str, Any]) -> Iterator[ReadSpan]:
    services = {key: process["serviceName"] for key, process in trace["processes"].items()}
    for span in trace["spans"]:
        references = span.get("references") or []
        parents = [r["spanID"] for r in references if r["refType"] == "CHILD_OF"]
        yield ReadSpan(
            service=services[span["processID"]],
            name=span["operationName"],
            span_id=span["spanID"],
            parent_id=parents[0] if parents else "",
            start_us=span["startTime"],
            duration_us=span["duration"],
            attributes=_values(span["tags"]),
            events=[_event(log) for log in span.get("logs") or ()],
            links=[(r["traceID"], r["spanID"]) for r in references if r["refType"] != "CHILD_OF"],
        )


def _event(log: dict[str, Any]) -> tuple[str, int, dict[str, Any]]:
    values = _values(log["fields"])
    return str(values.pop("event", "")), log["timestamp"], values


def _values(tags: list[dict[str, Any]]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in tags}
