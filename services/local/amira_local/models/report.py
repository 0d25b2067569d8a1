"""`amira models info`: a model folder as the server sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from amira_decoder.frame_buffer import FRAME_MS
from amira_decoder.model import ModelFolderError, TransducerFolder
from amira_decoder.model.ngram import Ngrams, open_ngrams
from amira_encoder.engine import open_engine
from amira_encoder.errors import EncoderModelError
from amira_encoder.geometry import EncoderGeometry
from amira_encoder.graph import EncoderGraph, read_graph
from amira_encoder.graph_runner import GraphRunner
from amira_encoder.slot_table import SlotTable
from amira_local.models.errors import ModelsError
from amira_local.models.parameters import count_parameters
from amira_local.models.record import Record, read_record

_LEFT_CONTEXT = ("left_context_len", "left_context", "left_context_length", "left_context_frames")
_CARDS = ("README.md", "README", "readme.md", "MODEL_CARD.md")
_LICENCE = re.compile(r"^licen[sc]e:\s*(\S.*?)\s*$", re.MULTILINE | re.IGNORECASE)

Row = tuple[str, str]


class UnusableModelError(ModelsError):
    """The folder is not a model that the server can run; the message says why."""


@dataclass(frozen=True)
class Model:
    """An opened folder, its encoder's declaration and its geometry."""

    folder: TransducerFolder
    graph: EncoderGraph
    geometry: EncoderGeometry
    record: Record | None
    ngrams: Ngrams | None = None
    """Its language model, where it has one."""

    @property
    def chunk_ms(self) -> int:
        """Audio per step."""
        return self.geometry.chunk_frames * FRAME_MS

    @property
    def look_ahead_ms(self) -> int:
        """Audio after a chunk's end that must be there before the chunk's words are."""
        geometry = self.geometry
        return (geometry.window_frames - geometry.chunk_frames + geometry.delay_frames) * FRAME_MS

    @property
    def state_bytes(self) -> int:
        """Memory that a stream's state takes in the slot table."""
        return sum(state.bytes_per_stream for state in self.graph.states)


def open_model(path: Path) -> Model:
    """Opens a folder with the server's code. Raises UnusableModelError."""
    try:
        folder = TransducerFolder.open(path)
        graph = read_graph(folder.encoder)
        table = SlotTable(GraphRunner(graph, open_engine(folder.encoder, "onnxruntime"), slots=1))
        ngrams = open_ngrams(folder)
    except (ModelFolderError, EncoderModelError) as error:
        raise UnusableModelError(str(error)) from error
    return Model(folder, graph, table.geometry, read_record(path), ngrams)


def describe(model: Model) -> list[Row]:
    """What there is to say of a model, as names and values."""
    folder, graph, geometry = model.folder, model.graph, model.geometry
    networks = (folder.encoder, folder.decoder, folder.joiner)
    return [
        ("folder", str(folder.path)),
        ("name for clients", folder.name),
        ("version", folder.version),
        ("files", ", ".join(f"{path.name} ({path.stat().st_size / 1e6:.1f} MB)" for path in networks)),
        ("architecture", _architecture(graph)),
        ("parameters", _parameters(networks)),
        (
            "chunk",
            f"{model.chunk_ms} ms: {geometry.output_frames} encoder frames of {geometry.output_dim} values",
        ),
        ("look-ahead", f"{model.look_ahead_ms} ms{_delay(geometry)}"),
        ("left context", _left_context(graph)),
        ("state per stream", f"{model.state_bytes / 1024:.1f} KiB in {len(graph.states)} tensor(s)"),
        ("features", f"{geometry.feature_dim} log-mel values every {FRAME_MS} ms"),
        ("vocabulary", f"{folder.vocab_size} tokens, predictor looks back at {folder.context_size}"),
        language_model_row(model),
        ("hotwords", "cut by bpe.model" if folder.tokens.bpe else "cut by longest token (no bpe.model)"),
        ("licence", _licence(model)),
        ("origin", _origin(model.record)),
    ]


def _architecture(graph: EncoderGraph) -> str:
    kind = graph.metadata.get("model_type", "not stated (metadata model_type)")
    comment = graph.metadata.get("comment", "")
    return f"{kind} ({comment})" if comment and comment != kind else kind


def _parameters(networks: tuple[Path, ...]) -> str:
    counts = [count_parameters(path) for path in networks]
    names = ("encoder", "predictor", "joiner")
    return ", ".join(
        f"{name} {count / 1e6:.2f} M" if count is not None else f"{name} unknown"
        for name, count in zip(names, counts, strict=True)
    )


def _delay(geometry: EncoderGeometry) -> str:
    return f", of which {geometry.delay_frames * FRAME_MS} ms by late output" if geometry.delay_frames else ""


def _left_context(graph: EncoderGraph) -> str:
    found = next((key for key in _LEFT_CONTEXT if key in graph.metadata), None)
    return f"{graph.metadata[found]} (metadata {found})" if found else "not stated"


def language_model_row(model: Model) -> Row:
    """What the folder's language model is."""
    path, ngrams = model.folder.language_model, model.ngrams
    if path is None or ngrams is None:
        return ("language model", "none")
    return (
        "language model",
        f"{path.name} ({path.stat().st_size / 1e6:.1f} MB): {ngrams.num_ngrams:,} n-grams of up to "
        f"{ngrams.order} tokens, for the beam search",
    )


def _licence(model: Model) -> str:
    if model.record is not None:
        return model.record.licence
    for name in _CARDS:
        card = model.folder.path / name
        if card.is_file():
            stated = _LICENCE.search(card.read_text(errors="replace"))
            return f"{stated[1]} ({name})" if stated else f"see {name}"
    return "not stated"


def _origin(record: Record | None) -> str:
    if record is None:
        return "no record of a pull"
    return f"{record.url}, SHA-256 {record.archive_sha256} ({record.checksum_origin})"
