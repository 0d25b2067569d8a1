"""The teacher is Moonshine's encoder, and the student begins as the teacher."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from amira_training.errors import TeacherError
from amira_training.model import geometry as g
from amira_training.model.layers import rotate
from amira_training.teacher.moonshine import (
    Moonshine,
    half_split,
    load_moonshine,
    moonshine_of,
    save_moonshine,
)
from amira_training.teacher.ort_file import Graph, read_graph
from amira_training.teacher.student import student_of
from amira_training.teacher.wheel import fetch_graph


@pytest.fixture(scope="module")
def wheel() -> Path:
    """The wheel of moonshine-voice 0.0.65; skips where it is not at hand."""
    path = os.environ.get("AMIRA_TEST_TEACHER_WHEEL")
    if not path:
        pytest.skip("set AMIRA_TEST_TEACHER_WHEEL to the wheel of moonshine-voice 0.0.65")
    return Path(path)


def rotate_neighbours(x: NDArray[np.float32], angles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Moonshine's rotation, pair by pair: ``[T, 36]`` by ``[T, 16]``."""
    out = x.copy()
    for pair in range(16):
        a, b = x[:, 2 * pair], x[:, 2 * pair + 1]
        cos, sin = np.cos(angles[:, pair]), np.sin(angles[:, pair])
        out[:, 2 * pair], out[:, 2 * pair + 1] = a * cos - b * sin, b * cos + a * sin
    return out


def test_scores_are_the_same_with_halves_as_with_neighbours() -> None:
    rng = np.random.default_rng(0)
    q, k = (rng.standard_normal((g.MODEL_DIM, g.MODEL_DIM)).astype(np.float32) for _ in range(2))
    x = rng.standard_normal((10, g.MODEL_DIM)).astype(np.float32)
    angles = np.outer(np.arange(10), 0.9 ** np.arange(16)).astype(np.float32)
    cos, sin = torch.from_numpy(np.cos(angles)), torch.from_numpy(np.sin(angles))
    for head in range(g.HEADS):
        rows = slice(head * g.HEAD_DIM, (head + 1) * g.HEAD_DIM)
        wanted = rotate_neighbours(x @ q.T[:, rows], angles) @ rotate_neighbours(x @ k.T[:, rows], angles).T
        ours = [
            rotate(torch.from_numpy(x @ half_split(w).T[:, rows])[None, None], cos, sin)[0, 0] for w in (q, k)
        ]
        np.testing.assert_allclose((ours[0] @ ours[1].T).numpy(), wanted, rtol=1e-4, atol=1e-2)


def test_the_student_begins_as_the_teacher() -> None:
    torch.manual_seed(0)
    teacher = Moonshine().eval()
    teacher.angles.copy_(0.9 ** torch.arange(16))
    student = student_of(teacher).eval()
    torch.testing.assert_close(student.angles * 24 / 40, teacher.angles)
    student.angles.copy_(teacher.angles)
    x = torch.randn(1, 12, g.MODEL_DIM)
    with torch.no_grad():
        outputs = []
        for network in (teacher, student):
            positions = torch.arange(12)[:, None] * network.angles
            y = x
            for layer in network.layers:
                y = layer(y, positions.cos(), positions.sin(), None)
            outputs.append(network.norm(y))
    torch.testing.assert_close(*outputs)


def test_weights_survive_the_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    teacher = Moonshine().eval()
    save_moonshine(teacher, tmp_path / "encoder.pt")
    samples = torch.randn(1, 8000)
    with torch.no_grad():
        torch.testing.assert_close(load_moonshine(tmp_path / "encoder.pt")(samples), teacher(samples))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04" + bytes(100)])
def test_damaged_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "encoder.pt").write_bytes(content)
    with pytest.raises(TeacherError, match="fetch-teacher --again"):
        load_moonshine(tmp_path / "encoder.pt")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x10\x00\x00\x00ORTM" + b"\xff" * 200])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(TeacherError, match="the teacher's graph is"):
        read_graph(content)


def test_another_graph_is_refused() -> None:
    with pytest.raises(TeacherError, match="not the encoder of Moonshine"):
        moonshine_of(Graph({"weight": np.zeros(3)}, []))


def test_other_wheels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="not the wheel"):
        fetch_graph(tmp_path / "absent.whl")
    (tmp_path / "text.whl").write_text("no zip")
    with pytest.raises(TeacherError, match="not the wheel"):
        fetch_graph(tmp_path / "text.whl")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("moonshine_voice/assets/tiny-en/encoder_model.ort", b"other")
        archive.writestr("moonshine_voice-0.0.65.dist-info/licenses/LICENSE", b"MIT")
    with pytest.raises(TeacherError, match="holds another"):
        fetch_graph(tmp_path / "other.whl")


def test_outputs_are_those_of_onnxruntime(wheel: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    fetched = fetch_graph(wheel)
    assert b"Permission is hereby granted" in fetched.license_text
    teacher = moonshine_of(read_graph(fetched.graph))
    rng = np.random.default_rng(0)
    time_s = np.arange(32000) / 16000
    samples = 0.2 * np.sin(2 * np.pi * 150 * time_s) * (np.sin(2 * np.pi * 3 * time_s) > 0)
    samples = (samples + 0.01 * rng.standard_normal(32000)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(fetched.graph, options, providers=["CPUExecutionProvider"])
    feed = {"input_values": samples[None], "attention_mask": np.ones((1, 32000), np.int64)}
    wanted = session.run(None, feed)[0]
    with torch.no_grad():
        found = teacher(torch.from_numpy(samples)[None])[0].numpy()
    assert found.shape == wanted.shape
    # onnxruntime also rounds activations to 8 bits.
    assert ((found - wanted) ** 2).mean() < 0.01 * wanted.var()
