"""What the teacher hears in every recording, computed once and kept.

``NAME.f16`` holds float16 ``[frames, 2, D]`` (last and middle layer), one recording after the other;
``NAME.frames`` the number of frames of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from amira_training.data.audio import RATE_HZ
from amira_training.data.packed_set import PackedSet
from amira_training.errors import DataError
from amira_training.files import whole
from amira_training.model import geometry as g
from amira_training.precision import Precision
from amira_training.teacher.moonshine import STEP_MS, Moonshine

LAYERS_KEPT = 2
_TAIL_S = 0.3  # silence behind a recording, so that its last positions exist and have heard the end
_FIRST_CENTRE_MS = 27.9  # of the samples that the teacher's first position sees
_STUDENT_CENTRES_MS = (5.0, 25.0)  # where in its 40 ms a position of the student listens


def teach(teacher: Moonshine, recordings: PackedSet, folder: Path, precision: Precision) -> Iterator[int]:
    """Computes and writes the outputs for a set; yields after each recording."""
    teacher = teacher.to(precision.device)
    with (
        whole(folder / f"{recordings.name}.frames") as index,  # replaced last
        whole(folder / f"{recordings.name}.f16") as values,
        index.open("w") as index_file,
        values.open("wb") as values_file,
    ):
        for number in range(len(recordings)):
            outputs = _outputs(teacher, torch.from_numpy(recordings.audio(number)), precision)
            values_file.write(outputs.tobytes())
            index_file.write(f"{len(outputs)}\n")
            yield number


def _outputs(teacher: Moonshine, samples: torch.Tensor, precision: Precision) -> NDArray[np.float16]:
    padded = functional.pad(samples, (0, int(_TAIL_S * RATE_HZ))).to(precision.device)
    with torch.no_grad(), precision.autocast():
        last, middle = teacher(padded[None])
    outputs: NDArray[np.float16] = torch.stack((last[0], middle[0]), 1).half().cpu().numpy()
    return outputs


class TeacherOutputs:
    """Kept outputs of a set, read-only. Pickles as its path.

    Raises:
        DataError: they do not fit their index, or the set has another number of recordings.
    """

    def __init__(self, folder: Path, name: str, recordings: int) -> None:
        self._arguments = (folder, name, recordings)
        try:
            frames = np.array((folder / f"{name}.frames").read_text().split(), np.int64)
            values = np.memmap(folder / f"{name}.f16", "<f2", mode="r")
        except (OSError, ValueError) as error:
            raise DataError(
                f"cannot read the teacher's outputs for '{name}': {error}; run `teach`"
            ) from error
        width = LAYERS_KEPT * g.MODEL_DIM
        if len(frames) != recordings or len(values) != frames.sum() * width:
            raise DataError(
                f"the teacher's outputs for '{name}' are not of these recordings; run `teach` again"
            )
        self._values = values.reshape(-1, width)
        self._ends = np.cumsum(frames)
        self._frames = frames

    def __reduce__(self) -> tuple[Any, ...]:
        return open_outputs, self._arguments

    def of(self, recording: int) -> NDArray[np.float16]:
        """Outputs ``[frames, 2 D]`` every 24 ms: last layer, then middle layer."""
        end = self._ends[recording]
        return self._values[end - self._frames[recording] : end]


@cache
def open_outputs(folder: Path, name: str, recordings: int) -> TeacherOutputs:
    """The outputs, opened once per process."""
    return TeacherOutputs(folder, name, recordings)


def at_student_positions(
    outputs: NDArray[np.floating[Any]], steps: int, *, speed: float = 1.0, silence_ms: float = 0.0
) -> NDArray[np.float32]:
    """Interpolates from the teacher's 24 ms to the student's 40 ms: the mean of two points of each.

    Args:
        outputs: ``[frames, K]`` for a recording.
        steps: positions wanted; beyond the recording its last output is repeated.
        speed: how much faster the student hears the recording.
        silence_ms: how much silence the student hears before it.

    Returns:
        ``[steps, K]`` float32.
    """
    interpolated = []
    for centre_ms in _STUDENT_CENTRES_MS:
        heard_ms = np.arange(steps) * g.STEP_MS + centre_ms
        recorded_ms = (heard_ms - silence_ms) * speed
        place = np.clip((recorded_ms - _FIRST_CENTRE_MS) / STEP_MS, 0, max(len(outputs) - 1.001, 0))
        before = place.astype(np.int64)
        after = np.minimum(before + 1, len(outputs) - 1)
        part = (place - before).astype(np.float32)[:, None]
        interpolated.append(
            outputs[before].astype(np.float32) * (1 - part) + outputs[after].astype(np.float32) * part
        )
    return (interpolated[0] + interpolated[1]) * np.float32(0.5)
