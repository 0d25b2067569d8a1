"""Greedy search in batches is greedy search; word errors are counted per source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from amira_training.data.packed_set import PackedSet, PackWriter
from amira_training.evaluate.greedy import greedy
from amira_training.evaluate.recognize import Recognizer
from amira_training.evaluate.word_errors import measure
from amira_training.model.geometry import Chunking
from amira_training.model.streaming_encoder import StreamingEncoder
from amira_training.model.transducer import Transducer
from amira_training.precision import Precision
from amira_training.tokens import Tokens, train_tokens

CPU = Precision(torch.device("cpu"), "fp32")


@pytest.fixture
def transducer() -> Transducer:
    torch.manual_seed(0)
    made = Transducer(12).eval()
    made.output.weight.data *= 8
    made.output.bias.data[0] += 2
    return made


def one_by_one(transducer: Transducer, encoded: torch.Tensor) -> list[int]:
    said = [0, 0]
    for vector in encoded:
        predicted = transducer.predict(torch.tensor([said[-2:]]))[0, 0]
        best = int(transducer.join(vector, predicted).argmax())
        if best:
            said.append(best)
    return said[2:]


def test_a_batch_is_decoded_as_each_alone(transducer: Transducer) -> None:
    encoded = torch.randn(5, 30, 256)
    steps = [30, 12, 1, 0, 25]
    with torch.no_grad():
        expected = [one_by_one(transducer, encoded[n, :count]) for n, count in enumerate(steps)]
    assert greedy(transducer, encoded, steps) == expected
    assert sum(map(len, expected)) > 10
    assert greedy(transducer, encoded[:0], []) == []


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return train_tokens(["hello tone", "low bell", "the sea"] * 3, tmp_path / "bpe.model", vocabulary=40)


def packed_set(folder: Path) -> PackedSet:
    rng = np.random.default_rng(0)
    with PackWriter(folder, "dev") as writer:
        for number in range(7):
            samples = rng.uniform(-0.2, 0.2, 8000 + 3000 * number).astype(np.float32)
            writer.add(samples, source=f"source-{number % 2}", text="hello low tone", origin="o")
    return PackedSet(folder, "dev")


def test_transcripts_come_in_the_order_asked_for(tmp_path: Path, tokens: Tokens) -> None:
    torch.manual_seed(1)
    network = Transducer(len(tokens))
    network.output.weight.data *= 20
    recognizer = Recognizer(StreamingEncoder().eval(), network.eval(), tokens, CPU)
    packed = packed_set(tmp_path)
    chunking = Chunking(8, 15)
    together = recognizer.transcribe(packed, [5, 0, 3], chunking)
    assert together == [recognizer.transcribe(packed, [index], chunking)[0] for index in (5, 0, 3)]
    assert any(together)
    assert recognizer.transcribe(packed, [], chunking) == []


def test_errors_are_counted_per_source(tmp_path: Path, tokens: Tokens) -> None:
    silent = Transducer(len(tokens))
    silent.output.bias.data[0] = 1e4
    recognizer = Recognizer(StreamingEncoder().eval(), silent.eval(), tokens, CPU)
    packed = packed_set(tmp_path)
    errors = measure(recognizer, packed, 160, 15, utterances=0)
    assert [(found.source, found.utterances, found.words, found.deletions) for found in errors] == [
        ("source-0", 4, 12, 12),
        ("source-1", 3, 9, 9),
    ]
    assert all(found.rate == 100 for found in errors)
    assert [found.utterances for found in measure(recognizer, packed, 160, 15, utterances=2)] == [2, 2]
