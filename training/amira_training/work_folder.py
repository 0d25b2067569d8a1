"""Where the commands keep what they make, and which of them have been done with what.

WORK/
  teacher/encoder.pt                fetch-teacher
  audio/NAME.pcm, NAME.tsv          prepare (train, dev), synthesize (speech-VOICE, held-out)
  tokens/bpe.model, tokens.txt      tokens
  teacher/NAME.f16, NAME.frames     teach
  checkpoints/{stem,heads,joint}.pt warm-up, train
  curves/*.csv, curves.png          warm-up, train, plot
  word-errors.tsv                   evaluate
  model/                            export, when called by recipe
  steps/COMMAND.json                what each command was last completed with
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amira_training.errors import BusyError, MissingStepError
from amira_training.files import whole

TRAIN = "train"
DEV = "dev"
HELD_OUT = "held-out"
_SPOKEN = "speech-"


@dataclass(frozen=True)
class WorkFolder:
    """Paths below one folder."""

    root: Path

    @property
    def audio(self) -> Path:
        """Packed recordings."""
        return self.root / "audio"

    @property
    def teacher(self) -> Path:
        """The teacher's weights and outputs."""
        return self.root / "teacher"

    @property
    def teacher_weights(self) -> Path:
        """The teacher's encoder as torch weights."""
        return self.teacher / "encoder.pt"

    @property
    def bpe_model(self) -> Path:
        """The sentencepiece model; ``tokens.txt`` lies beside it."""
        return self.root / "tokens" / "bpe.model"

    @property
    def checkpoints(self) -> Path:
        """One checkpoint per phase of training."""
        return self.root / "checkpoints"

    @property
    def curves(self) -> Path:
        """Losses and word error rates while training."""
        return self.root / "curves"

    @property
    def model(self) -> Path:
        """The model folder that `recipe` exports."""
        return self.root / "model"

    @property
    def word_errors(self) -> Path:
        """The table that `evaluate` writes."""
        return self.root / "word-errors.tsv"

    def training_sets(self) -> list[str]:
        """Names of the packed sets to train on: recordings first, then each voice.

        Raises:
            MissingStepError: there are no recordings.
        """
        self.require(self.audio / f"{TRAIN}.tsv", "prepare")
        return [TRAIN, *sorted(path.stem for path in self.audio.glob(f"{_SPOKEN}*.tsv"))]

    def evaluation_sets(self) -> list[str]:
        """Names of the packed sets to measure on: ``dev`` and, where sentences were spoken, ``held-out``."""
        return [name for name in (DEV, HELD_OUT) if (self.audio / f"{name}.tsv").exists()]

    def require(self, path: Path, command: str) -> Path:
        """The path, if the command that writes it has been run. Raises MissingStepError."""
        if not path.exists():
            raise MissingStepError(f"{path} is missing: run `{command}` first (with the same --work)")
        return path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the block runs, no other command works here. Raises BusyError: another one does."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system frees it, whatever happens
            except BlockingIOError as error:
                raise BusyError(
                    f"another command is working in {self.root}: wait for it or stop it"
                ) from error
            yield

    def done_with(self, command: str) -> dict[str, Any] | None:
        """What a command was last completed with; None if never, or if its note cannot be read."""
        try:
            note: dict[str, Any] = json.loads(self._note(command).read_text())
        except (OSError, ValueError):
            return None
        return note

    def is_done(self, command: str, made_from: dict[str, Any]) -> bool:
        """Whether a command has been completed with just this."""
        return self.done_with(command) == _plain(made_from)

    def note_done(self, command: str, made_from: dict[str, Any]) -> None:
        """Remembers that a command is complete."""
        with whole(self._note(command)) as part:
            part.write_text(json.dumps(_plain(made_from), indent=1) + "\n")

    def forget(self, command: str) -> None:
        """Before a command begins anew: its old note no longer holds."""
        self._note(command).unlink(missing_ok=True)

    def _note(self, command: str) -> Path:
        return self.root / "steps" / f"{command}.json"


def spoken_set(voice: str) -> str:
    """The name of the set that a synthetic voice has spoken."""
    return _SPOKEN + voice


def fingerprint(path: Path) -> str:
    """What tells one state of an input from another: a digest of a file, or of a folder's transcripts.

    Neither place nor time are in it, so a work folder can move to another machine.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for transcript in sorted(path.rglob("*.trans.txt")):
            digest.update(f"{transcript.relative_to(path)} {transcript.stat().st_size}\n".encode())
    else:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain
