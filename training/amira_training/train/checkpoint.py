"""Checkpoints: everything that a phase needs to go on, written whole or not at all."""

from __future__ import annotations

import pickle
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from amira_training.errors import DataError
from amira_training.files import whole


@dataclass
class Place:
    """How far a phase has come.

    Attributes:
        step: steps done.
        elapsed_s: time spent.
        epoch: of the next batch, and its ``number`` within.
    """

    step: int = 0
    elapsed_s: float = 0.0
    epoch: int = 0
    number: int = 0


@dataclass
class Checkpoint:
    """The state of a phase.

    Attributes:
        phase: its name.
        place: how far it has come.
        network: weights by name.
        optimizer: its state per parameter.
        average: averaged weights; empty in phases without.
    """

    phase: str
    place: Place
    network: dict[str, Any]
    optimizer: dict[str, Any]
    average: dict[str, Any]

    def save(self, path: Path) -> None:
        """Writes the file; a run that is killed leaves the one before."""
        content = {item.name: getattr(self, item.name) for item in fields(self)}
        # Tensors and names alone: that is what every version of torch loads without running code.
        place = torch.tensor(astuple(self.place), dtype=torch.float64)
        with whole(path) as part:
            torch.save({**content, "place": place}, part)


def load_checkpoint(path: Path, phase: str) -> Checkpoint:
    """Reads a checkpoint, onto the CPU.

    Raises:
        DataError: the file is damaged or of another phase.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        step, elapsed_s, epoch, number = content.pop("place").tolist()
        checkpoint = Checkpoint(place=Place(int(step), elapsed_s, int(epoch), int(number)), **content)
    except (
        OSError,
        RuntimeError,
        EOFError,
        pickle.UnpicklingError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise DataError(f"{path} is not a checkpoint of this recipe, or it is damaged: {error}") from error
    if checkpoint.phase != phase:
        raise DataError(f"{path} is a checkpoint of '{checkpoint.phase}', not of '{phase}'")
    return checkpoint
