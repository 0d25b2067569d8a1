"""Triton's own output as structured log lines."""

from __future__ import annotations

import asyncio
import re
from collections import deque

import structlog

_log = structlog.get_logger("tritonserver")

_LINE = re.compile(r'^(?P<level>[IWEF])\d{4} [\d:.]+ \d+ (?P<source>[^\]]+)\] "?(?P<text>.*?)"?$')
_HARMLESS = re.compile(r"CUDA|Cuda|NVML|DCGM|GPU|pinned memory", re.IGNORECASE)
_LEVELS = {"W": "warning", "E": "error", "F": "critical"}
_KEPT_LINES = 30


class ServerLog:
    """Forwards a server's output line by line, and keeps the latest lines for error messages."""

    def __init__(self) -> None:
        self._recent: deque[str] = deque(maxlen=_KEPT_LINES)

    async def forward(self, output: asyncio.StreamReader) -> None:
        """Reads until the output ends."""
        while True:
            try:
                line = await output.readline()
            except ValueError:  # longer than the reader's limit: that piece is dropped
                continue
            if not line:
                return
            self._emit(line.decode(errors="replace").rstrip())

    def last_errors(self) -> str:
        """What the server said last that was not routine, for a message to the operator."""
        telling = [line for line in self._recent if classify(line)[0] not in ("debug", "info")]
        return "\n".join(telling or self._recent)

    def _emit(self, line: str) -> None:
        if not line or line[0] in "|+":  # the tables that Triton prints at start
            return
        self._recent.append(line)
        level, text, source = classify(line)
        getattr(_log, level)("triton_output", text=text, source=source)


def classify(line: str) -> tuple[str, str, str]:
    """Level, text and source of one line of output.

    Routine lines count as debug, so that info shows what the supervisor itself does. So do the
    warnings and errors about missing GPUs, which every start on a CPU prints.
    """
    match = _LINE.match(line)
    if match is None:
        return "debug", line, ""
    text, source = match["text"], match["source"]
    if source.startswith("model.py") and match["level"] == "I":
        return "info", text, source
    if _HARMLESS.search(text) and match["level"] != "F":
        return "debug", text, source
    return _LEVELS.get(match["level"], "debug"), text, source
