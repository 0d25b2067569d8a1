"""Responses on a terminal, as plain lines, or as JSON."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Self

from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.live import Live
from rich.text import Text

from amira.asr.v1.result_pb2 import Alternative, StreamingResult
from amira_client import AmiraClientError, StreamingRecognizeResponse
from amira_local.log_view import printable


class PlainView:
    """One line per final, below it the words or further readings if they were asked for."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def response(self, response: StreamingRecognizeResponse) -> None:
        """Prints finals."""
        if response.HasField("result") and response.result.is_final:
            for line in final_lines(response.result):
                self._console.print(line, soft_wrap=True, highlight=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is held."""


class LiveView(PlainView):
    """As PlainView, and the open segment in a line that changes: its stable part firm, the rest faint."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def response(self, response: StreamingRecognizeResponse) -> None:
        """Redraws the open segment, or replaces it by its final."""
        if not response.HasField("result"):
            return
        if response.result.is_final:
            self._live.update(Text(), refresh=True)
            super().response(response)
        else:
            self._live.update(interim_text(response.result), refresh=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Removes the open segment's line."""
        self._live.update(Text(), refresh=True)
        self._live.stop()


class ChangesView(PlainView):
    """As PlainView, with every interim on a line of its own: the live view where there is no terminal."""

    def response(self, response: StreamingRecognizeResponse) -> None:
        """Prints interims and finals."""
        if response.HasField("result") and not response.result.is_final:
            self._console.print(
                f"    ... {interim_text(response.result).plain}", markup=False, soft_wrap=True
            )
        super().response(response)


class JsonView(PlainView):
    """One JSON object per response and line: the protobuf message as JSON, with the file's name."""

    def __init__(self, console: Console, file: str) -> None:
        super().__init__(console)
        self._file = file

    def response(self, response: StreamingRecognizeResponse) -> None:
        """Prints every response."""
        self._emit(MessageToDict(response, preserving_proto_field_name=True))

    def error(self, error: AmiraClientError) -> None:
        """Prints why the file failed."""
        status = error.status.name if error.status else None
        self._emit(
            {
                "error": {
                    "message": error.message,
                    "status": status,
                    "reason": error.reason or None,
                    "retry_after_s": error.retry_after_s,
                }
            }
        )

    def _emit(self, content: dict[str, object]) -> None:
        line = json.dumps({"file": self._file, **content}, ensure_ascii=False)
        self._console.out(line, highlight=False)


def interim_text(result: StreamingResult) -> Text:
    """The words of an interim: stable ones firm, the rest faint."""
    words = printable(result.alternatives[0].text).split() if result.alternatives else []
    text = Text(" ".join(words[: result.stable_words]), style="bold")
    if rest := words[result.stable_words :]:
        text.append((" " if text.plain else "") + " ".join(rest), style="dim not bold")
    return text


def final_lines(result: StreamingResult, *, with_words: bool = True) -> list[Text]:
    """A final as lines: where it was and what was said, then other readings, then words, if it has any."""
    if not result.alternatives:
        return []
    best, *others = result.alternatives
    start, end = (
        result.segment_start.ToTimedelta().total_seconds(),
        result.audio_processed.ToTimedelta().total_seconds(),
    )
    lines = [Text(f"[{start:7.2f} {end:7.2f}] ", style="dim").append(printable(best.text), style="not dim")]
    lines += [
        Text(f"{number:>18}. {printable(other.text)}", style="dim")
        for number, other in enumerate(others, start=2)
    ]
    return lines + _word_lines(best) if with_words else lines


def _word_lines(reading: Alternative) -> list[Text]:
    lines = []
    for word in reading.words:
        start, end = word.start.ToTimedelta().total_seconds(), word.end.ToTimedelta().total_seconds()
        confidence = f"  {word.confidence:.2f}" if word.HasField("confidence") else ""
        lines.append(Text(f"  {start:7.2f} {end:7.2f}  {printable(word.text)}{confidence}"))
    return lines
