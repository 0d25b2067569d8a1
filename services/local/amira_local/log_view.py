"""All services' logs as one readable view: JSON lines in, coloured lines out."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from amira_local.stack import StackEvent

_COLOURS = {
    "triton": "magenta",
    "frontend": "cyan",
    "decoder": "green",
    "gateway": "blue",
    "node": "blue",
    "amira": "white",
}
_LEVELS = {"debug": "dim", "info": "", "warning": "yellow", "error": "bold red", "critical": "bold red"}
_HIDDEN = {"event", "level", "timestamp", "service", "exception"}
_EVENT_LEVELS = {"died": "error", "gave_up": "error", "restarting": "warning"}
_NAME_WIDTH = max(map(len, _COLOURS))


class LogView:
    """Prints what the stack and its services say."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, service: str, raw: str) -> None:
        """Shows one line of a service's output."""
        self._print(render_line(service, raw))

    def event(self, event: StackEvent) -> None:
        """Shows a change in a service's state, with its last words if it died."""
        words = f"{event.service} {event.kind.replace('_', ' ')}"
        detail = f" ({event.detail})" if event.detail else ""
        self._print(_compose("", "amira", _EVENT_LEVELS.get(event.kind, "info"), words + detail))
        for line in event.last_lines:
            self._print(Text("    | ", style="red") + render_line(event.service, line))

    def say(self, words: str, level: str = "info") -> None:
        """Shows a sentence of the command's own."""
        self._print(_compose("", "amira", level, words))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)


def render_line(service: str, raw: str) -> Text:
    """One line of output as coloured text; what is not a JSON object stays as it is."""
    try:
        record = json.loads(raw)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return _compose("", service, "", raw)
    values = " ".join(f"{key}={_short(value)}" for key, value in record.items() if key not in _HIDDEN)
    level = str(record.get("level", ""))
    message = f"{record.get('event', '')} {values}".strip()
    text = _compose(_clock(record.get("timestamp")), service, level, message)
    if "exception" in record:
        text.append(printable("\n    " + _trace(record["exception"])), style="red")
    return text


def _compose(clock: str, service: str, level: str, message: str) -> Text:
    text = Text()
    text.append(f"{clock or datetime.now().strftime('%H:%M:%S')} ", style="dim")
    text.append(f"{service:<{_NAME_WIDTH}} ", style=_COLOURS.get(service, "white"))
    if level and level != "info":
        text.append(f"{level} ", style=_LEVELS.get(level, ""))
    text.append(printable(message), style=_LEVELS.get(level, ""))
    return text


def printable(words: str) -> str:
    """`words` without characters that would steer the terminal (a log may quote what a client sent)."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in words)


def _clock(timestamp: Any) -> str:
    try:
        return datetime.fromisoformat(str(timestamp)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return ""


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _trace(exception: Any) -> str:
    """The innermost of structlog's dict tracebacks, in one line per exception."""
    if not isinstance(exception, list):
        return str(exception)
    return "\n    ".join(f"{part.get('exc_type')}: {part.get('exc_value')}" for part in exception)
