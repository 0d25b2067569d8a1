"""LibriSpeech as it comes: ``SPLIT/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt`` beside ``*.flac``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from amira_training.data.manifest import Entry
from amira_training.errors import DataError
from amira_training.work_folder import DEV, TRAIN

_SUFFIXES = (".flac", ".wav", ".opus", ".ogg", ".mp3")


def read_librispeech(folder: Path) -> list[Entry]:
    """The entries of LibriSpeech's folder, or of one of its parts (or of another corpus laid out so).

    Parts whose names begin with ``train`` are trained on; the others (``dev-clean``, ``test-other``)
    are measured on.

    Raises:
        DataError: there are no ``*.trans.txt`` files, or a line has no recording.
    """
    transcripts = sorted(folder.rglob("*.trans.txt"))
    if not transcripts:
        raise DataError(
            f"{folder} holds no *.trans.txt: give the folder that holds train-clean-100 and so on"
        )
    return [entry for path in transcripts for entry in _entries(path)]


def _entries(transcript: Path) -> Iterator[Entry]:
    chapter = transcript.parent
    part = chapter.parent.parent.name
    for number, line in enumerate(transcript.read_text(encoding="utf-8").splitlines(), 1):
        name, _, text = line.strip().partition(" ")
        if not name:
            continue
        audio = next((chapter / (name + end) for end in _SUFFIXES if (chapter / (name + end)).exists()), None)
        if audio is None:
            raise DataError(f"{transcript}, line {number}: no recording {name}{_SUFFIXES[0]} beside it")
        yield Entry(
            split=TRAIN if part.startswith("train") else DEV,
            source=f"librispeech-{part}",
            path=audio,
            text=text,
            speaker=chapter.parent.name,
        )
