"""What the settings make of the searches, and what the log says of the language model at start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from amira.asr.v1 import config_pb2
from amira_decoder.model import TransducerFolder
from amira_decoder.search import Hypothesis
from amira_decoder.searches import SearchSet
from amira_decoder.settings import DecoderSettings
from tests.decoder.search.decoding import decode
from tests.decoder.search.tiny_model import DIM, write_tiny_model
from tests.support.ngrams import random_sentences, write_model

PIECES = ["▁a", "b", "▁c"]
BEAM = config_pb2.RecognitionConfig(decoding_method=config_pb2.DECODING_METHOD_BEAM)


def heard_with(folder: Path, settings: DecoderSettings) -> list[Hypothesis]:
    """What the beam search hears in some noise."""
    searches = SearchSet(TransducerFolder.open(folder), settings)
    searches.warm_up(np.zeros((1, 2, DIM), np.float32))
    random = np.random.default_rng(0)
    return [
        decode(searches.for_config(BEAM), random.normal(0, 1, (30, DIM)).astype(np.float32)) for _ in range(5)
    ]


def tokens_in(heard: list[Hypothesis]) -> int:
    return sum(len(hypothesis.tokens) for hypothesis in heard)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tiny_model(tmp_path, PIECES)
    write_model(tmp_path / "lm.ngram", random_sentences(1 + len(PIECES), 80, 5), ["<blk>", *PIECES])
    return tmp_path


def test_settings_reach_the_search(folder: Path) -> None:
    usual = heard_with(folder, DecoderSettings())
    off = heard_with(folder, DecoderSettings(lm_scale=0))
    few, many = (heard_with(folder, DecoderSettings(lm_bonus=bonus)) for bonus in (-3, 6))
    own = heard_with(folder, DecoderSettings(internal_lm_scale=2))
    assert len({heard[0].score for heard in (usual, off, few, many, own)}) == 5
    assert tokens_in(few) < tokens_in(many)
    (folder / "lm.ngram").unlink()
    assert heard_with(folder, DecoderSettings()) == off


def test_the_log_says_who_uses_it(folder: Path) -> None:
    with capture_logs() as log:
        SearchSet(TransducerFolder.open(folder), DecoderSettings(search="greedy"))
        SearchSet(TransducerFolder.open(folder), DecoderSettings(search="greedy", lm_scale=0))
        (folder / "lm.ngram").unlink()
        SearchSet(TransducerFolder.open(folder), DecoderSettings(search="greedy"))
    on, off = (line for line in log if line["event"].startswith("language_model"))
    assert (on["event"], on["used_by"], on["default_search"]) == ("language_model", ["beam"], "greedy")
    assert "greedy" in on["not_used_by"]
    assert on["lm_scale"] == DecoderSettings().lm_scale
    assert off["event"] == "language_model_off"
