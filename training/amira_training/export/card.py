"""Writes a model's card: everything that can be read off its files and its data, and no figure by hand.

The word error rates are put in afterwards by ``python -m evaluation.card``, from a results file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from amira_training.errors import DataError
from amira_training.export.weights import chunking_of, read_encoder
from amira_training.language_model.ngram_file import FILE_NAME as LANGUAGE_MODEL
from amira_training.model import geometry as g

_TEMPLATE = Path(__file__).with_name("card_template.md")

_LANGUAGE_MODEL = """\
### Text

`{name}` ({megabytes:.1f} MB) holds probabilities of token sequences, for Amira's beam search; sherpa-onnx,
k2 and greedy search do not use it. It was estimated from the transcripts of the recordings above and from
written English sentences of mixed public origin, whose single licences are not recorded; it holds no texts.
Sentences that share six words in a row with one that the model is measured with were left out.

"""


@dataclass(frozen=True)
class Source:
    """What is said of a source of speech."""

    what: str
    licence: str
    attribution: str


def read_sources(path: Path) -> dict[str, Source]:
    """The table of sources, ``training/sources.toml``."""
    with path.open("rb") as file:
        tables = tomllib.load(file)
    return {
        name: Source(entry["is"], entry["licence"], entry["attribution"]) for name, entry in tables.items()
    }


def card(folder: Path, hours: Mapping[str, float], sources: Mapping[str, Source], trained: str) -> str:
    """The card's text.

    Args:
        folder: the exported model.
        hours: of speech by source.
        sources: what is known of every source.
        trained: how long and on what, one sentence.

    Raises:
        DataError: a source is not in the table.
    """
    unknown = sorted(set(hours) - set(sources))
    if unknown:
        raise DataError(
            f"no licence is known of {', '.join(unknown)}: add what it is to training/sources.toml"
        )
    encoder = folder / "encoder.onnx"
    return _TEMPLATE.read_text(encoding="utf-8").format(
        name=folder.name,
        trained=trained,
        data=_data_table(hours, sources),
        total_hours=sum(hours.values()),
        language_model=_language_model(folder),
        **_facts(encoder),
    )


def hours_by_source(seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds by source -> hours by source, the largest first."""
    largest_first = sorted(seconds.items(), key=lambda item: -item[1])
    return {source: amount / 3600 for source, amount in largest_first}


def _data_table(hours: Mapping[str, float], sources: Mapping[str, Source]) -> str:
    rows = ["| source | hours | what | licence | attribution |", "|---|---|---|---|---|"]
    for name, amount in hours.items():
        source = sources[name]
        rows.append(f"| {name} | {amount:.2f} | {source.what} | {source.licence} | {source.attribution} |")
    return "\n".join(rows)


def _language_model(folder: Path) -> str:
    file = folder / LANGUAGE_MODEL
    if not file.is_file():
        return ""
    return _LANGUAGE_MODEL.format(name=file.name, megabytes=file.stat().st_size / 1e6)


def _facts(encoder: Path) -> dict[str, object]:
    chunking = chunking_of(encoder)
    network = read_encoder(encoder)
    int8 = encoder.with_name("encoder.int8.onnx")
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()) / 1e6,
        "layers": g.LAYERS,
        "dimension": g.MODEL_DIM,
        "chunk_ms": chunking.chunk_steps * g.STEP_MS,
        "look_ahead_ms": g.OUTPUT_DELAY_STEPS * g.STEP_MS,
        "stem_ms": g.STEM_LOOKAHEAD_FRAMES * g.FRAME_SHIFT_MS,
        "left_ms": chunking.left_steps * g.STEP_MS,
        "delay": g.OUTPUT_DELAY_STEPS,
        "frames": chunking.input_frames,
        "steps": chunking.chunk_steps,
        "state": chunking.state_size,
        "state_mb": chunking.state_size * 4 / 1e6,
        "fp32_mb": encoder.stat().st_size / 1e6,
        "int8_mb": int8.stat().st_size / 1e6,
    }
