"""Which files a recording's transcript becomes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from amira_local.batch.find import Found, Recording
from amira_local.transcripts.formats import Format


@dataclass(frozen=True, eq=False)
class Job:
    """A recording and where its transcript goes: files of one folder."""

    recording: Recording
    folder: Path
    outputs: Mapping[Format, Path]


def assign(found: Found, formats: Sequence[Format], out: Path | None) -> tuple[list[Job], list[Recording]]:
    """Gives every recording its files.

    They lie beside it, or in `out` as the recordings lie in their folder (below the folder's name where
    several folders were named). Where two recordings of a folder differ in their suffix only, it stays in
    the name.

    Returns:
        The jobs, and recordings whose files would be those of another one.
    """
    stems = [_stem(recording, found.folders, out) for recording in found.recordings]
    shared = {stem for stem, count in Counter(map(_key, stems)).items() if count > 1}
    jobs, clashing, taken = [], [], set[str]()
    for recording, stem in zip(found.recordings, stems, strict=True):
        name = f"{stem.name}{recording.path.suffix}" if _key(stem) in shared else stem.name
        key = _key(stem.with_name(name))
        if key in taken:
            clashing.append(recording)
            continue
        taken.add(key)
        outputs = {form: stem.with_name(f"{name}.{form.value}") for form in formats}
        jobs.append(Job(recording, stem.parent, outputs))
    return jobs, clashing


def _stem(recording: Recording, folders: int, out: Path | None) -> Path:
    if out is None:
        return recording.path.with_name(recording.path.stem)
    place = Path(recording.top, recording.place) if folders > 1 else recording.place
    return out / place.with_name(recording.path.stem)


def _key(path: Path) -> str:
    return os.path.abspath(path).casefold()  # there are file systems that take `A` for `a`
