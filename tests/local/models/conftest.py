"""Published archives made on the spot, and a server that has them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx
import onnx.parser
import pytest

from amira_local.models.catalogue import PublishedModel
from amira_local.models.download import Limits
from amira_local.models.pull import Pull
from tests.decoder.search.tiny_model import write_tiny_model
from tests.encoder.conftest import LSTM_LIKE, METADATA
from tests.support.archive_server import ArchiveServer

NAME = "sherpa-onnx-streaming-tiny-en-2026-01-01"
MODEL = PublishedModel(
    name="tiny-en",
    upstream=NAME,
    languages=("en",),
    architecture="lstm",
    licence="Apache-2.0",
    source="https://example.com/tiny-en",
)
LIMITS = Limits(most_bytes=1 << 26, attempts=3, pause_s=0.0)

Entry = bytes | tarfile.TarInfo
MakeOrder = Callable[..., Pull]


def make_archive(entries: Mapping[str, Entry], compression: str = "bz2") -> bytes:
    """A tar archive of files and of ready-made members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, entry in entries.items():
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(entry)
            archive.addfile(member, io.BytesIO(entry))
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    """A link as an archive's member."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a small but whole published model, by their paths in the archive."""
    folder = tmp_path_factory.mktemp("published") / "model"
    write_tiny_model(folder, ["\u2581a", "b"])
    encoder = onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>' + LSTM_LIKE)
    onnx.helper.set_model_props(encoder, METADATA)
    files = {
        "encoder-epoch-99-avg-1.onnx": encoder.SerializeToString(),
        "encoder-epoch-99-avg-1.int8.onnx": encoder.SerializeToString(),
        "decoder-epoch-99-avg-1.onnx": (folder / "decoder.onnx").read_bytes(),
        "decoder-epoch-99-avg-1.int8.onnx": b"rounded",
        "joiner-epoch-99-avg-1.onnx": (folder / "joiner.onnx").read_bytes(),
        "joiner-epoch-99-avg-1.int8.onnx": b"rounded",
        "tokens.txt": (folder / "tokens.txt").read_bytes(),
        "README.md": b"---\nlicense: apache-2.0\n---\n",
        "export.sh": b"#!/bin/sh\n",
        "test_wavs/0.wav": b"RIFF",
        "test_wavs/README.md": b"recordings",
    }
    return {f"{NAME}/{name}": content for name, content in files.items()}


@pytest.fixture(scope="session")
def archive(published: dict[str, bytes]) -> bytes:
    """That model as its publisher packs it."""
    return make_archive(published)


@pytest.fixture
def server(archive: bytes) -> Iterator[ArchiveServer]:
    """A server that has the archive."""
    with ArchiveServer() as running:
        running.files[f"/{MODEL.archive}"] = archive
        yield running


@pytest.fixture
def make_order(server: ArchiveServer, tmp_path: Path) -> MakeOrder:
    """Orders of the model from the server into a folder of the test's own."""

    def make(model: PublishedModel = MODEL, **fields: Any) -> Pull:
        given = {"into": tmp_path / "models", "base_url": server.url, "limits": LIMITS, **fields}
        return Pull(model, **given)

    return make
