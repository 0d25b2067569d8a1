"""Files, folders and patterns into recordings."""

from __future__ import annotations

import glob
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

AUDIO_SUFFIXES = frozenset(
    {
        ".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".snd",
        ".w64", ".wav", ".wave",
    }
)  # fmt: skip
"""What is taken for audio within folders. A file that is named itself is tried whatever its name."""
TRANSCRIPT_SUFFIXES = frozenset({".json", ".srt", ".tsv", ".txt", ".vtt"})
"""What nobody takes for audio, and this very command leaves beside it."""


@dataclass(frozen=True)
class Recording:
    """A file to be transcribed.

    Attributes:
        path: where it is, as it was named or found.
        place: where it stands in the folder that was named; its name alone where it was named itself.
        top: name of that folder; empty where the file was named itself.
    """

    path: Path
    place: Path
    top: str = ""


@dataclass
class Found:
    """All that the arguments came to.

    Attributes:
        recordings: each file once, in order.
        folders: how many arguments were folders or patterns.
        passed_over: files within folders that are no audio, by suffix.
        troubles: what cannot be looked at, with the reason.
    """

    recordings: list[Recording] = field(default_factory=list)
    folders: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    troubles: list[tuple[Path, str]] = field(default_factory=list)


def is_pattern(argument: Path) -> bool:
    """Whether this is a pattern that no shell has replaced by names."""
    return glob.has_magic(str(argument)) and not os.path.lexists(argument)


def find(arguments: Iterable[Path]) -> Found:
    """Looks through files, folders (with all folders in them, links too) and patterns (``**`` as well)."""
    found, seen = Found(), set[str]()
    for argument in arguments:
        for recording in _meant_by(argument, found):
            name = os.path.abspath(recording.path)
            if name not in seen:
                seen.add(name)
                found.recordings.append(recording)
    return found


def _meant_by(argument: Path, found: Found) -> Iterator[Recording]:
    if argument.is_dir():
        found.folders += 1
        return _within(argument, found)
    if is_pattern(argument):
        found.folders += 1
        return _matching(argument, found)
    return iter([Recording(argument, Path(argument.name))])


def _matching(pattern: Path, found: Found) -> Iterator[Recording]:
    """Files alone, with their places in the folder that the pattern begins with."""
    plain = itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts)
    folder = Path(*plain)
    paths = [Path(name) for name in sorted(glob.glob(str(pattern), recursive=True))]
    files = [path for path in paths if not path.is_dir()]
    if not files:
        found.troubles.append((pattern, "no file matches this pattern"))
    for path in files:
        yield Recording(path, path.relative_to(folder), folder.resolve().name)


def _within(folder: Path, found: Found) -> Iterator[Recording]:
    entered: set[tuple[int, int]] = set()
    top = folder.resolve().name

    def trouble(error: OSError) -> None:
        found.troubles.append((Path(error.filename), (error.strerror or str(error)).lower()))

    for where, folders, files in os.walk(folder, onerror=trouble, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if not _enter(where, entered):
            folders.clear()
            continue
        for name in sorted(files):
            path = Path(where, name)
            if name.startswith("."):
                continue
            if path.suffix.lower() in AUDIO_SUFFIXES:
                yield Recording(path, path.relative_to(folder), top)
            elif path.suffix.lower() not in TRANSCRIPT_SUFFIXES:
                found.passed_over[path.suffix.lower() or "(no suffix)"] += 1


def _enter(where: str, entered: set[tuple[int, int]]) -> bool:
    """False for a folder that was entered by another name: links may lead in circles."""
    try:
        status = os.stat(where)
    except OSError:
        return False
    key = (status.st_dev, status.st_ino)
    if key in entered:
        return False
    entered.add(key)
    return True
