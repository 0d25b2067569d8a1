"""What was said so far, as subtitles, text or JSON, in a file that grows with it."""

from __future__ import annotations

import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from amira.asr.v1.result_pb2 import StreamingResult
from amira_core.subtitles import VTT_HEAD, Cue, final_cues, srt_block, vtt_block
from amira_local.captions.errors import CaptionFileError
from amira_local.captions.growing_file import GrowingFile
from amira_local.captions.live_file import LiveFile
from amira_local.captions.replaced_file import ReplacedFile, lock
from amira_local.transcripts.formats import Format, segment_object, text_line


class CaptionFile(ABC):
    """Finals become part of the file as they come; with `partial` the open segment is its end meanwhile.

    Not for several threads at once.
    """

    def __init__(self, path: Path, head: str, tail: str = "", *, append: bool, partial: bool) -> None:
        """Opens the file.

        Args:
            path: where.
            head: what it begins with.
            tail: what it ends with, whatever is said.
            append: go on with a file that is there already.
            partial: show the open segment, too.

        Raises:
            CaptionFileError: a file is there already, or it is not one that can be gone on with.
        """
        self._tail = tail
        self._partial = partial
        self._shift_s = 0.0
        descriptor = _open(path, append, blank=(head + tail).encode())
        try:
            present = _read(descriptor)
            kept = self._take_up(present) if append else b""
            os.pwrite(descriptor, kept[len(present) :], len(present))
            os.ftruncate(descriptor, len(kept))
            self._file = self._held(path, descriptor, len(kept))
            self._file.write("" if kept else head, tail)
        except BaseException:
            os.close(descriptor)
            raise

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._file.path

    def add(self, final: StreamingResult) -> None:
        """Adds a segment. Raises OSError, see :meth:`LiveFile.write`."""
        self._file.write(self._settle(final), self._tail, durable=True)

    def show(self, interim: StreamingResult) -> None:
        """Shows the open segment, if that is wanted. Raises OSError."""
        if self._partial:
            self._file.write("", self._sketch(interim) + self._tail)
        elif self._file.owes:
            self._file.write("", self._tail)

    def close(self) -> None:
        """Writes what found no room before, if it can. Raises OSError; safe to call twice."""
        try:
            if self._file.owes:
                self._file.write("", self._tail, durable=True)
        finally:
            self._file.close()

    def _held(self, path: Path, descriptor: int, settled_bytes: int) -> LiveFile:
        """How its content is kept, `settled_bytes` of it already there."""
        return GrowingFile(path, descriptor, settled_bytes)

    @abstractmethod
    def _settle(self, final: StreamingResult) -> str:
        """A final as part of the file."""

    @abstractmethod
    def _sketch(self, interim: StreamingResult) -> str:
        """An interim as part of the file."""

    @abstractmethod
    def _take_up(self, content: bytes) -> bytes:
        """What the file's present content is to be: its beginning, or all of it and what ends it properly.

        Raises CaptionFileError when it is not known.
        """


class SubtitleFile(CaptionFile):
    """SubRip or WebVTT; a file that is gone on with goes on counting, and its clock goes on, too."""

    def __init__(self, path: Path, form: Format, *, append: bool, partial: bool) -> None:
        """See CaptionFile; `form` is SRT or VTT."""
        self._form = form
        self._number = 0
        self._end_s = 0.0
        super().__init__(path, VTT_HEAD if form is Format.VTT else "", append=append, partial=partial)

    def _settle(self, final: StreamingResult) -> str:
        blocks = []
        for cue in final_cues(final):
            self._number += 1
            blocks.append(self._block(self._number, cue))
            self._end_s = cue.end_s
        return "".join(blocks)

    def _sketch(self, interim: StreamingResult) -> str:
        cues = final_cues(interim)
        return "".join(self._block(self._number + place, cue) for place, cue in enumerate(cues, 1))

    def _block(self, number: int, cue: Cue) -> str:
        cue.start_s = max(cue.start_s + self._shift_s, self._end_s)  # cues never overlap
        cue.end_s = max(cue.end_s + self._shift_s, cue.start_s + 0.001)
        if self._form is Format.VTT:
            return vtt_block(cue, wrapped=True)
        return srt_block(number, cue, wrapped=True)

    def _take_up(self, content: bytes) -> bytes:
        whole = content[: content.rfind(b"\n\n") + 2] if b"\n\n" in content else b""
        if _CUE.fullmatch(content, len(whole)):  # as other programs end their files
            whole = content + b"\n"
        cues = _CUE_TIMES.findall(whole)
        first = content.split(b"\n", 1)[0]
        ours = first == b"WEBVTT" if self._form is Format.VTT else bool(cues) or first == b"1"
        if content.strip() and (not ours or b"\r" in content):
            raise CaptionFileError(f"this is no {self._form.value.upper()} file of Amira's to go on with")
        self._number = len(cues)
        if cues:
            hours, minutes, rest_s, ms = map(int, cues[-1])
            self._shift_s = self._end_s = hours * 3600 + minutes * 60 + rest_s + ms / 1000
        return whole


_CUE = re.compile(rb"(\d+\n)?\d+:\d\d:\d\d[.,]\d{3} --> .+\n(.+\n)+")
_CUE_TIMES = re.compile(rb"^\d+:\d\d:\d\d[.,]\d{3} --> (\d+):(\d\d):(\d\d)[.,](\d{3})", re.MULTILINE)


class TextFile(CaptionFile):
    """One line per segment."""

    def __init__(self, path: Path, *, append: bool, partial: bool) -> None:
        """See CaptionFile."""
        super().__init__(path, "", append=append, partial=partial)

    def _settle(self, final: StreamingResult) -> str:
        return text_line(final)

    def _sketch(self, interim: StreamingResult) -> str:
        return text_line(interim)

    def _take_up(self, content: bytes) -> bytes:
        return content if content.endswith(b"\n") or not content else content + b"\n"


class JsonFile(CaptionFile):
    """``{"segments": [...]}``, valid JSON at any time; the open segment has ``"is_final": false``."""

    def __init__(self, path: Path, *, append: bool, partial: bool) -> None:
        """See CaptionFile."""
        self._count = 0
        super().__init__(path, '{"segments": [\n', "\n]}\n", append=append, partial=partial)

    def _settle(self, final: StreamingResult) -> str:
        line = self._line(final)
        self._count += 1
        return line

    def _sketch(self, interim: StreamingResult) -> str:
        return self._line(interim, is_final=False)

    def _line(self, result: StreamingResult, **more: object) -> str:
        comma = ",\n" if self._count else ""
        return comma + json.dumps({**segment_object(result), **more}, ensure_ascii=False)

    def _held(self, path: Path, descriptor: int, settled_bytes: int) -> LiveFile:
        return ReplacedFile(path, descriptor)

    def _take_up(self, content: bytes) -> bytes:
        raise CaptionFileError("a JSON file is not gone on with: give another name")


def open_caption_file(path: Path, *, append: bool = False, partial: bool = False) -> CaptionFile:
    """The file that `path`'s suffix asks for.

    Raises:
        CaptionFileError: no such format, the file cannot be opened, or is there already.
    """
    makers: dict[str, Callable[[], CaptionFile]] = {
        ".srt": lambda: SubtitleFile(path, Format.SRT, append=append, partial=partial),
        ".vtt": lambda: SubtitleFile(path, Format.VTT, append=append, partial=partial),
        ".txt": lambda: TextFile(path, append=append, partial=partial),
        ".json": lambda: JsonFile(path, append=append, partial=partial),
    }
    maker = makers.get(path.suffix.lower())
    if maker is None:
        raise CaptionFileError(f"{path}: give it a name that ends in {', '.join(makers)}")
    try:
        return maker()
    except CaptionFileError as error:
        raise CaptionFileError(f"{path}: {error}") from error
    except OSError as error:
        raise CaptionFileError(f"{path} cannot be written: {error.strerror or error}") from error


def _open(path: Path, append: bool, blank: bytes) -> int:
    """`blank`: the content of a file in which nothing was said."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        lock(descriptor)
    except BlockingIOError:
        os.close(descriptor)
        raise CaptionFileError("another program is writing it") from None
    if not os.path.samestat(os.fstat(descriptor), path.stat()):  # replaced since it was opened
        os.close(descriptor)
        return _open(path, append, blank)
    if not append and _read(descriptor) not in (b"", blank):
        os.close(descriptor)
        raise CaptionFileError("it is there already: --append goes on with it, or give another name")
    return descriptor


def _read(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
