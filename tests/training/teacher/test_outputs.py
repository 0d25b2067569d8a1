"""What the teacher heard is kept and brought to the student's positions."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from amira_training.data.packed_set import PackedSet, PackWriter
from amira_training.errors import DataError
from amira_training.model.geometry import MODEL_DIM
from amira_training.precision import Precision
from amira_training.teacher.moonshine import Moonshine
from amira_training.teacher.outputs import TeacherOutputs, at_student_positions, teach

FIRST_MS, STEP_MS = 27.9, 24


def clock(frames: int) -> np.ndarray[tuple[int, int], np.dtype[np.float16]]:
    """Outputs that say at which millisecond they were heard."""
    return (FIRST_MS + STEP_MS * np.arange(frames))[:, None].astype(np.float16)


@given(st.floats(0.85, 1.15), st.sampled_from([0.0, 50.0, 200.0]))
def test_positions_are_where_the_student_hears_them(speed: float, silence_ms: float) -> None:
    heard = at_student_positions(clock(120), 60, speed=speed, silence_ms=silence_ms)[:, 0]
    expected_ms = (40 * np.arange(60) + 15 - silence_ms) * speed
    inside = (expected_ms > FIRST_MS + 15) & (expected_ms < FIRST_MS + 118 * STEP_MS - 15)
    np.testing.assert_allclose(heard[inside], expected_ms[inside], atol=1.5)  # float16


def test_beyond_the_recording_its_ends_are_repeated() -> None:
    heard = at_student_positions(clock(10), 40, silence_ms=200)[:, 0]
    np.testing.assert_allclose(heard[:4], FIRST_MS, atol=0.1)
    np.testing.assert_allclose(heard[30:], FIRST_MS + 9 * STEP_MS, atol=0.2)
    assert at_student_positions(clock(1), 5).shape == (5, 1)
    assert at_student_positions(clock(3), 0).shape == (0, 1)


def test_outputs_are_kept_in_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with PackWriter(tmp_path, "train") as writer:
        for samples in (8000, 20000, 12345):
            audio = rng.uniform(-0.3, 0.3, samples).astype(np.float32)
            writer.add(audio, source="s", text="t", origin="o")
    packed = PackedSet(tmp_path, "train")
    torch.manual_seed(0)
    teacher = Moonshine().eval()
    precision = Precision(torch.device("cpu"), "fp32")
    assert list(teach(teacher, packed, tmp_path, precision)) == [0, 1, 2]
    outputs = TeacherOutputs(tmp_path, "train", 3)
    again = pickle.loads(pickle.dumps(outputs))  # noqa: S301 - just made
    for index in range(3):
        with torch.no_grad():
            padded = np.pad(packed.audio(index), (0, 4800))
            last, middle = teacher(torch.from_numpy(padded)[None])
        expected = torch.cat((last, middle), -1)[0].numpy()
        assert outputs.of(index).shape[1] == 2 * MODEL_DIM
        np.testing.assert_allclose(outputs.of(index), expected, rtol=2e-3, atol=2e-3)
        np.testing.assert_array_equal(again.of(index), outputs.of(index))


def test_outputs_of_other_recordings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run `teach`"):
        TeacherOutputs(tmp_path, "train", 3)
    (tmp_path / "train.frames").write_text("3\n")
    (tmp_path / "train.f16").write_bytes(bytes(3 * 2 * 2 * MODEL_DIM))
    assert TeacherOutputs(tmp_path, "train", 1).of(0).shape == (3, 2 * MODEL_DIM)
    with pytest.raises(DataError, match="not of these recordings"):
        TeacherOutputs(tmp_path, "train", 2)
    (tmp_path / "train.f16").write_bytes(bytes(100))
    with pytest.raises(DataError, match="not of these recordings"):
        TeacherOutputs(tmp_path, "train", 1)
