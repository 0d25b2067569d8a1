"""The newest lines of what is said, alone in a file: for a text source of OBS and the like."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

from amira.asr.v1.result_pb2 import StreamingResult
from amira_core.subtitles import LINE_CHARACTERS
from amira_local.captions.errors import CaptionFileError
from amira_local.transcripts.formats import text_line

_REMEMBERED_CHARACTERS = 4000


class LastLines:
    """A file that always holds the last few lines, wrapped; replaced as a whole: nobody reads half of it."""

    def __init__(self, path: Path, lines: int, *, width: int = LINE_CHARACTERS) -> None:
        """Raises CaptionFileError when it cannot be written."""
        self.path = path
        self._lines = lines
        self._width = width
        self._said = ""
        self._shown: str | None = None
        try:
            self._write("")
        except OSError as error:
            raise CaptionFileError(f"{path} cannot be written: {error.strerror or error}") from error

    def add(self, final: StreamingResult) -> None:
        """A segment is over. Raises OSError."""
        self._said = f"{self._said} {text_line(final)}".strip()[-_REMEMBERED_CHARACTERS:]
        self._write(self._said)

    def show(self, interim: StreamingResult) -> None:
        """The open segment. Raises OSError."""
        self._write(f"{self._said} {text_line(interim)}".strip())

    def close(self) -> None:
        """Leaves the file empty, so that nothing old stays on the screen."""
        self._said = ""
        self._write("")

    def _write(self, text: str) -> None:
        lines = textwrap.wrap(text, self._width, break_long_words=False, break_on_hyphens=False)
        content = "".join(f"{line}\n" for line in lines[-self._lines :])
        if content == self._shown:
            return
        self._shown = None
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            part.write_text(content, encoding="utf-8", newline="\n")
            os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)
        self._shown = content
