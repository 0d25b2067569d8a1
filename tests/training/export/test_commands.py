"""`rechunk` and `check` on a folder that `export` wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest

from amira_training.commands.export import check, rechunk
from amira_training.errors import ExportError, SettingsError
from amira_training.export.weights import chunking_of
from amira_training.model.geometry import Chunking
from tests.training.export.conftest import Exported


def test_other_chunks_from_the_folder_alone(exported: Exported, tmp_path: Path) -> None:
    rechunk(exported.folder, tmp_path / "other", chunk_ms=640, left_steps=30)
    assert chunking_of(tmp_path / "other" / "encoder.onnx") == Chunking(16, 30)
    check(tmp_path / "other", with_triton=False)


@pytest.mark.parametrize("chunk_ms", [0, 100])
def test_impossible_chunks(exported: Exported, tmp_path: Path, chunk_ms: int) -> None:
    with pytest.raises(SettingsError, match="chunk"):
        rechunk(exported.folder, tmp_path, chunk_ms, left_steps=30)


def test_a_folder_that_is_none_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no encoder of this recipe"):
        rechunk(tmp_path, tmp_path / "other", chunk_ms=320, left_steps=30)
    (tmp_path / "encoder.onnx").write_bytes(b"not a graph")
    with pytest.raises(ExportError, match="no encoder of this recipe"):
        check(tmp_path, with_triton=False)


def test_an_int8_copy_of_other_weights_is_found(exported: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    shutil.copytree(exported.folder, folder)
    model = onnx.load(str(folder / "encoder.int8.onnx"))
    biases = [item for item in model.graph.initializer if item.name.endswith("expand.bias")]
    for bias in biases:
        bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 1, bias.name))
    onnx.save(model, str(folder / "encoder.int8.onnx"))
    with pytest.raises(ExportError, match="not what torch computes: onnxruntime int8 file"):
        check(folder, with_triton=False)
