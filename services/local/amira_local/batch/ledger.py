"""Writes transcripts, and notes in their folder what was made of what: so a later run can go on.

Each folder with transcripts holds a file of JSON lines, one per transcript: the recording's size and time,
the settings, and the size and time of the files that were written. A line is on disk before its files get
their names. So whatever has such a name is whole, and known to be Amira's own; anything else by that name
(a reference text, a transcript that someone has corrected) is never overwritten unasked.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amira_local.batch.targets import Job

LEDGER_NAME = ".amira-transcripts.jsonl"

Stamp = tuple[int, int]
"""A file's size in bytes, and when it was changed, in nanoseconds."""


class ForeignFileError(Exception):
    """A file of this name is there that Amira did not write, or not as it is now."""


@dataclass
class _Folder:
    made_of: dict[str, tuple[Stamp, str]] = field(default_factory=dict)
    outputs: dict[str, set[str]] = field(default_factory=dict)
    own: dict[str, set[Stamp]] = field(default_factory=dict)


class Ledger:
    """What is done already, over all folders. Not for several threads at once."""

    def __init__(self, settings: str, *, overwrite: bool) -> None:
        """`settings`: what besides the recordings decides on the words. `overwrite`: do all, keep nothing."""
        self._settings = settings
        self._overwrite = overwrite
        self._folders: dict[Path, _Folder] = {}

    def is_done(self, job: Job) -> bool:
        """Whether all of the job's files are there, made of this recording with these settings.

        Raises OSError when the recording cannot be looked at.
        """
        stamp = stamp_of(job.recording.path)
        folder, source = self._folder(job.folder), _source(job)
        return (
            not self._overwrite
            and folder.made_of.get(source) == (stamp, self._settings)
            and folder.outputs[source] >= {path.name for path in job.outputs.values()}
            and all(path.exists() for path in job.outputs.values())
        )

    def make_ready(self, job: Job) -> None:
        """Makes the job's folder, and sees that its files may be written.

        Raises:
            ForeignFileError: one is there already that is not Amira's.
            OSError: the folder cannot be made or written.
        """
        job.folder.mkdir(parents=True, exist_ok=True)
        own = self._folder(job.folder).own
        for path in job.outputs.values():
            if (
                not self._overwrite
                and os.path.lexists(path)
                and _stamp_or_none(path) not in own.get(path.name, ())
            ):
                raise ForeignFileError(
                    f"{path} is there already, and not as `amira transcribe` wrote it: "
                    "--overwrite replaces it, --out writes elsewhere"
                )
        with _locked(job.folder):
            pass

    def commit(self, job: Job, made_of: Stamp, contents: Mapping[Path, str]) -> None:
        """Writes the job's files, none before all of them are on disk. Raises OSError."""
        parts = {path: path.with_name(f".{path.name}.part") for path in contents}
        with _locked(job.folder) as ledger:
            try:
                stamps = {path: _write(parts[path], content) for path, content in contents.items()}
                line = {
                    "source": _source(job),
                    "stamp": made_of,
                    "settings": self._settings,
                    "outputs": {path.name: stamp for path, stamp in stamps.items()},
                }
                _append(ledger, json.dumps(line))
                for path, part in parts.items():
                    part.replace(path)
            finally:
                for part in parts.values():
                    part.unlink(missing_ok=True)
        _learn(self._folder(job.folder), line)

    def _folder(self, path: Path) -> _Folder:
        if path not in self._folders:
            self._folders[path] = _read(path / LEDGER_NAME)
        return self._folders[path]


def stamp_of(path: Path) -> Stamp:
    """Size and time of a file. Raises OSError."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _stamp_or_none(path: Path) -> Stamp | None:
    with suppress(OSError):
        return stamp_of(path)
    return None


def _source(job: Job) -> str:
    return os.path.relpath(job.recording.path, job.folder)


def _read(path: Path) -> _Folder:
    folder = _Folder()
    try:
        content = path.read_bytes()
    except OSError:
        return folder
    for raw in content.splitlines():
        # A line that a crash has cut off says nothing, and neither does one of another's.
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            _learn(folder, json.loads(raw))
    return folder


def _learn(folder: _Folder, line: dict[str, Any]) -> None:
    source, outputs = str(line["source"]), line["outputs"]
    size, mtime_ns = line["stamp"]
    made_of = ((size, mtime_ns), str(line["settings"]))
    for name, (output_size, output_ns) in outputs.items():
        folder.own.setdefault(name, set()).add((output_size, output_ns))
    if folder.made_of.get(source) != made_of:
        folder.made_of[source] = made_of
        folder.outputs[source] = set()
    folder.outputs[source] |= set(outputs)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The folder's ledger, open for appending; other runs wait."""
    ledger = os.open(folder / LEDGER_NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        with suppress(OSError):  # not every network file system has locks
            fcntl.flock(ledger, fcntl.LOCK_EX)
        yield ledger
    finally:
        os.close(ledger)


def _append(ledger: int, line: str) -> None:
    end = os.fstat(ledger).st_size
    cut_off = end > 0 and os.pread(ledger, 1, end - 1) != b"\n"
    content = f"{chr(10) if cut_off else ''}{line}\n".encode()
    try:
        if os.write(ledger, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), LEDGER_NAME)
        os.fsync(ledger)
    except OSError:
        os.ftruncate(ledger, end)
        raise


def _write(path: Path, content: str) -> Stamp:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return stamp_of(path)
