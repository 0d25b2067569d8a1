"""A toy corpus that is made in a second: tones instead of speech, and a teacher with random weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from amira_training.commands.run import Run
from amira_training.settings import Settings
from amira_training.teacher.moonshine import Moonshine, save_moonshine
from amira_training.work_folder import WorkFolder

RATE_HZ = 16000
WORDS = ["ha", "hello", "tone", "low", "sea", "this", "bell", "wind", "one", "tower"]

TOY = Settings.load(Path(__file__).parent / "toy.toml")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


def tones(text: str, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Each word a chord of its own, 0.25 s, with a pause behind."""
    time_s = np.arange(RATE_HZ // 4) / RATE_HZ
    parts = []
    for word in text.split():
        place = WORDS.index(word)
        chord = np.sin(2 * np.pi * (250 + 130 * place) * time_s) + np.sin(
            2 * np.pi * (3500 - 210 * place) * time_s
        )
        parts += [0.2 * chord, np.zeros(RATE_HZ // 20)]
    samples = np.concatenate(parts)
    return (samples + 0.001 * rng.standard_normal(len(samples))).astype(np.float32)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest with 16 recordings to train on and 2 to measure on, from two sources."""
    folder = tmp_path_factory.mktemp("toy-recordings")
    rng = np.random.default_rng(0)
    lines = ["split\tsource\tpath\tseconds\tspeaker\ttext\tlabelled_by"]
    for number in range(18):
        split = "train" if number < 16 else "dev"
        text = " ".join(rng.choice(WORDS, rng.integers(3, 8)))
        samples = tones(text, rng)
        soundfile.write(folder / f"{number}.wav", samples, RATE_HZ)
        seconds = len(samples) / RATE_HZ
        lines.append(f"{split}\ttoy-{number % 2}\t{number}.wav\t{seconds:.2f}\t-\t{text}\thuman")
    (folder / "manifest.tsv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.tsv"


@pytest.fixture(scope="session")
def prepared(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which everything before training has been done."""
    from amira_training.commands.learn_tokens import learn_tokens
    from amira_training.commands.prepare import prepare
    from amira_training.commands.teach import teach

    run = Run(WorkFolder(tmp_path_factory.mktemp("toy-work")), TOY, "cpu")
    torch.manual_seed(0)
    save_moonshine(Moonshine(), run.work.teacher_weights)
    prepare(run, [recordings], [])
    learn_tokens(run)
    teach(run)
    return run.work.root


@pytest.fixture
def toy_run(prepared: Path, tmp_path: Path) -> Run:
    """A call of the program on a work folder of the test's own."""
    shutil.copytree(prepared, tmp_path / "work")
    return Run(WorkFolder(tmp_path / "work"), TOY, "cpu")
