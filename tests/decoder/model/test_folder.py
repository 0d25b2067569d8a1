"""Opening model folders: the starter model, and folders with something wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest

from amira_decoder.model import ModelFolderError, TransducerFolder
from amira_encoder.model_folder import find_encoder


@pytest.fixture
def folder(model_dir: Path, tmp_path: Path) -> Path:
    """A copy of the starter model, its large encoder replaced by a few bytes."""
    copy = tmp_path / "model"
    shutil.copytree(model_dir, copy, ignore=shutil.ignore_patterns("encoder*"))
    (copy / "encoder.onnx").write_bytes(b"weights")
    return copy


def test_starter_model(model_dir: Path) -> None:
    model = TransducerFolder.open(model_dir)
    lines = (model_dir / "tokens.txt").read_text().splitlines()
    assert (model.name, model.vocab_size, model.blank_id) == (model_dir.name, len(lines), 0)
    context = onnx.load(model.decoder).graph.input[0].type.tensor_type.shape.dim[1]
    assert model.context_size == context.dim_value
    assert len(model.version) == 12
    assert model.tokens.encode("hello")


@pytest.mark.parametrize("missing", ["encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt"])
def test_missing_file_is_named(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    part = missing.split(".")[0]
    with pytest.raises(ModelFolderError, match=rf"no {part}\*\.onnx in the model folder|{part}.* is missing"):
        TransducerFolder.open(folder)


def test_sentencepiece_model_is_optional(folder: Path) -> None:
    (folder / "bpe.model").unlink()
    assert TransducerFolder.open(folder).tokens.encode("hello")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="no model folder at"):
        TransducerFolder.open(tmp_path / "nowhere")
    with pytest.raises(ModelFolderError, match="no model folder at"):
        TransducerFolder.open(__file__)


def test_full_precision_before_int8(folder: Path) -> None:
    (folder / "encoder-epoch-9.int8.onnx").write_bytes(b"small weights")
    assert TransducerFolder.open(folder).encoder.name == "encoder.onnx"


def test_int8_where_there_is_nothing_else(folder: Path) -> None:
    (folder / "encoder.onnx").rename(folder / "encoder-epoch-9-avg-1.int8.onnx")
    model = TransducerFolder.open(folder)
    assert (model.encoder.name, model.joiner.name) == ("encoder-epoch-9-avg-1.int8.onnx", "joiner.onnx")
    assert find_encoder(folder) == model.encoder


def test_of_several_the_plain_name(folder: Path) -> None:
    (folder / "encoder-2.onnx").write_bytes(b"more weights")
    assert TransducerFolder.open(folder).encoder.name == "encoder.onnx"
    (folder / "encoder.onnx").rename(folder / "encoder-1.onnx")
    with pytest.raises(ModelFolderError, match=r"several encoders .*\(encoder-1\.onnx, encoder-2\.onnx\)"):
        TransducerFolder.open(folder)


def test_a_folder_of_another_kind_lists_what_it_has(folder: Path) -> None:
    for part in ("encoder", "decoder", "joiner"):
        (folder / f"{part}.onnx").unlink()
    (folder / "model.int8.onnx").write_bytes(b"a CTC model")
    with pytest.raises(ModelFolderError, match=r"no encoder\*\.onnx .*\(there is model\.int8\.onnx\)"):
        TransducerFolder.open(folder)


def test_version_follows_the_weights(folder: Path) -> None:
    before = TransducerFolder.open(folder).version
    assert TransducerFolder.open(folder).version == before
    (folder / "encoder.onnx").write_bytes(b"other weights")
    assert TransducerFolder.open(folder).version != before


def test_tokens_that_do_not_fit(folder: Path) -> None:
    size = TransducerFolder.open(folder).vocab_size
    with (folder / "tokens.txt").open("a") as tokens:
        tokens.write(f"extra {size}\n")
    with pytest.raises(ModelFolderError, match=rf"tokens\.txt has {size + 1} tokens, decoder\.onnx {size}"):
        TransducerFolder.open(folder)


def test_blank_elsewhere(folder: Path) -> None:
    text = (folder / "tokens.txt").read_text()
    (folder / "tokens.txt").write_text(text.replace("<blk> 0", "zero 0").replace("<unk> 2", "<blk> 2"))
    with pytest.raises(ModelFolderError, match="blank must be token 0, not 2"):
        TransducerFolder.open(folder)


@pytest.mark.parametrize("content", [b"", b"not an onnx file", b"\x08\x07\x12\x00" * 50])
def test_garbage_decoder(folder: Path, content: bytes) -> None:
    (folder / "decoder.onnx").write_bytes(content)
    with pytest.raises(ModelFolderError, match=r"decoder\.onnx"):
        TransducerFolder.open(folder)


@pytest.mark.parametrize(
    "metadata", [{}, {"context_size": "two", "vocab_size": "256"}, {"vocab_size": "256"}]
)
def test_decoder_without_metadata(folder: Path, metadata: dict[str, str]) -> None:
    rewrite_metadata(folder / "decoder.onnx", metadata)
    with pytest.raises(ModelFolderError, match="lacks context_size and vocab_size"):
        TransducerFolder.open(folder)


def test_context_too_long(folder: Path) -> None:
    rewrite_metadata(folder / "decoder.onnx", {"context_size": "8", "vocab_size": "256"})
    with pytest.raises(ModelFolderError, match="context_size 8"):
        TransducerFolder.open(folder)


def rewrite_metadata(path: Path, metadata: dict[str, str]) -> None:
    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
