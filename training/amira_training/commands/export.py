"""`export`, `rechunk`, `check`, `card`: from a checkpoint to a model folder that people can use."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

from google.protobuf.message import DecodeError

from amira_training.commands.run import Run
from amira_training.console import say, table
from amira_training.data.packed_set import open_set
from amira_training.errors import ExportError, SettingsError
from amira_training.evaluate.trained import Trained, load_trained
from amira_training.export.card import card, hours_by_source, read_sources
from amira_training.export.model_folder import (
    CARD,
    ENCODER,
    REST_OF_FOLDER,
    export_encoder,
    export_folder,
    write_checksums,
)
from amira_training.export.quantize import INT8_ENCODER, quantize
from amira_training.export.weights import read_encoder
from amira_training.files import whole
from amira_training.language_model.ngram_file import FILE_NAME as LANGUAGE_MODEL
from amira_training.model.geometry import Chunking
from amira_training.model.streaming_encoder import StreamingEncoder

TEACHER_LICENCE = "LICENSE.moonshine"
SOURCES = Path(__file__).parents[2] / "sources.toml"
_COMMENT = "Amira training recipe, from Moonshine tiny-en"
_FLOAT_NOISE = 1e-3  # of the outputs' standard deviation: other orders of summing
_INT8_NOISE = 0.15


def export(run: Run, folder: Path) -> None:
    """Writes a model folder: graphs, int8 copy, tokens, licence, card, checksums.

    Raises:
        MissingStepError, DataError, SettingsError, ExportError.
    """
    trained = load_trained(run.work)
    settings = run.settings.export
    chunking = _chunking(settings.chunk_ms, settings.left_steps)
    export_folder(folder, trained.encoder, trained.transducer, chunking, run.work.bpe_model, _COMMENT)
    quantize(folder / ENCODER, folder / INT8_ENCODER)
    licence = run.work.require(run.work.teacher_weights.with_name("LICENSE"), "fetch-teacher")
    shutil.copyfile(licence, folder / TEACHER_LICENCE)
    say(f"export: wrote {folder}, chunks of {settings.chunk_ms} ms, {trained.steps} steps of training")
    write_card(run, folder, trained)


def write_card(run: Run, folder: Path, trained: Trained | None = None) -> None:
    """Writes the folder's card and checksums. Raises MissingStepError, DataError."""
    trained = trained or load_trained(run.work)
    seconds: dict[str, float] = defaultdict(float)
    for name in run.work.training_sets():
        for recording in open_set(run.work.audio, name).recordings:
            seconds[recording.source] += recording.seconds
    told = f"{trained.steps} steps in {trained.minutes:.0f} minutes."
    text = card(folder, hours_by_source(seconds), read_sources(SOURCES), told)
    with whole(folder / CARD) as part:
        part.write_text(text, encoding="utf-8")
    write_checksums(folder)
    say(f"card: wrote {folder / CARD}; `make eval ARGS=--card` puts its error rates in")


def rechunk(source: Path, target: Path, chunk_ms: int, left_steps: int) -> None:
    """Writes a copy of a model folder whose encoder works in other chunks.

    Raises:
        SettingsError: no such chunking is possible.
        ExportError: the folder does not hold an encoder of this recipe.
    """
    chunking = _chunking(chunk_ms, left_steps)
    network = _read(source)
    target.mkdir(parents=True, exist_ok=True)
    for name in REST_OF_FOLDER:
        shutil.copyfile(source / name, target / name)
    if (source / LANGUAGE_MODEL).exists():
        shutil.copyfile(source / LANGUAGE_MODEL, target / LANGUAGE_MODEL)
    export_encoder(target / ENCODER, network, chunking, _COMMENT)
    write_checksums(target)
    say(f"rechunk: wrote {target}, chunks of {chunk_ms} ms")


def check(folder: Path, with_triton: bool) -> None:
    """Compares the folder's graphs with torch, in onnxruntime, in the server's engines and in Triton.

    Raises:
        ExportError: something differs by more than rounding, or the folder is not one of this recipe.
    """
    _read(folder)
    from amira_training.export import parity, servers

    others = servers.engines(folder)
    if not servers.installed():
        say("check: Amira's server is not installed here; `make setup` has it, and its .venv checks that too")
    elif not with_triton:
        say("check: without Triton (--triton asks it too)")
    if with_triton and servers.installed():
        with servers.triton(folder) as encoder:
            found = parity.check(folder, [*others, ("Triton float32", encoder)])
    else:
        found = parity.check(folder, others)
    rows = [(item.name, f"{item.largest:.2g}", f"{item.root_mean_square:.2g}") for item in found]
    table("difference from torch", ("computed by", "largest", "root mean square"), rows)
    far = [item.name for item in found if item.root_mean_square > _bound(item.name)]
    if far:
        raise ExportError(f"not what torch computes: {', '.join(far)}")


def _read(folder: Path) -> StreamingEncoder:
    try:
        return read_encoder(folder / ENCODER)
    except (OSError, ValueError, DecodeError) as error:
        raise ExportError(f"{folder} holds no encoder of this recipe: {error}") from error


def _bound(name: str) -> float:
    return _FLOAT_NOISE if "float32" in name else _INT8_NOISE


def _chunking(chunk_ms: int, left_steps: int) -> Chunking:
    try:
        return Chunking.of_chunk_ms(chunk_ms, left_steps)
    except ValueError as error:
        raise SettingsError(str(error)) from error
