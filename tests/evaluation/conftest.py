"""What the tests of the evaluation share."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.items import Item
from evaluation.parts.hotwords import HotwordRow
from evaluation.parts.sounds import SoundRow
from evaluation.parts.speech import rows_by_source
from evaluation.recognizer import Heard, ModelInfo
from evaluation.report import Results
from evaluation.run import Run
from evaluation.word_errors import Errors


def heard(said: str, got: str, source: str = "books") -> Heard:
    """A transcript of a second of nothing."""
    item = Item(f"{source}/{said}", source, np.zeros(16_000, np.int16), said, 1.0, 16_000)
    return Heard(item, got, 0)


def make_run(chunk_ms: int = 320, name: str = "some-model", wrong: int = 1, words_in_noise: int = 0) -> Run:
    """A run with `wrong` of twenty words wrong in each source, with k2 and greedy."""
    text = " ".join(f"w{number}" for number in range(20))
    got = " ".join("x" if number < wrong else f"w{number}" for number in range(20))
    sources = ("librispeech-test-other", "librispeech-train-clean-5", "synthetic sentences")
    model = ModelInfo(name, "abc", chunk_ms, 240, "openvino int8", ("k2", "greedy"), {"encoder.onnx": "00"})
    run = Run(
        model, transcripts=[{"part": "speech", "search": "k2", "item": "a", "said": text, "heard": got}]
    )
    for search in ("k2", "greedy"):
        run.speech += rows_by_source([heard(text, got, source) for source in sources], search)
        run.sounds += [
            SoundRow("hum", search, 60.0, words_in_noise, 0),
            SoundRow("drums", search, 60.0, 0, 2),
        ]
    run.hotwords.append(HotwordRow("k2", 1.5, 50, 41, 1, 60, 2, Errors(100, 3, 1, 0)))
    return run


@pytest.fixture
def results() -> Results:
    """Three runs of one model with other chunks; the sounds and names of the first only."""
    others = [make_run(chunk_ms, f"some-model/encoder-{chunk_ms}") for chunk_ms in (160, 640)]
    for run in others:
        run.sounds.clear()
        run.hotwords.clear()
    others[0].left_out["books"] = 81
    others[1].skipped["hotwords"] = "no voice"
    return Results("2030-01-02T03:04:05+00:00", False, {"cpu": "Z80", "cpus": 1}, {}, (make_run(), *others))
