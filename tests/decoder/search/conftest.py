"""Searches over the starter model, and real speech for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from amira_decoder.model import TransducerFolder
from amira_decoder.search import Method, Search, available_methods, create_search
from tests.conftest import Utterance
from tests.decoder.search.encoded_speech import encode


@dataclass(frozen=True)
class Spoken:
    """A recording, its words, and its encoder frames [T, D]."""

    path: Path
    text: str
    frames: NDArray[np.float32]


@pytest.fixture(scope="session")
def starter(model_dir: Path) -> TransducerFolder:
    """The bundled model."""
    return TransducerFolder.open(model_dir)


@pytest.fixture(scope="session")
def searches(starter: TransducerFolder) -> dict[Method, Search]:
    """Every method that works here, with default options."""
    return {method: create_search(method, starter) for method in available_methods()}


@pytest.fixture(scope="session")
def spoken(speech: list[Utterance]) -> list[Spoken]:
    """Twenty-four short utterances of many speakers, clean and noisy; about 90 seconds."""
    chosen: list[Utterance] = []
    for source in ("librispeech-train-clean-5", "librispeech-test-other"):
        fitting = [u for u in speech if u.source == source and 2 < u.seconds < 6]
        chosen += fitting[:: max(1, len(fitting) // 12)][:12]
    return [Spoken(u.path, u.text, encode(u.path)) for u in chosen]
