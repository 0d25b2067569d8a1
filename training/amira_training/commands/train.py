"""`warm-up` and `train`: the three phases, each from its checkpoint on if it has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from amira_training.augment.chain import Disturber
from amira_training.commands.run import Run
from amira_training.commands.teach import teach_inputs
from amira_training.console import counted, say
from amira_training.data.packed_set import open_set
from amira_training.errors import DataError, MissingStepError
from amira_training.evaluate.recognize import Recognizer
from amira_training.evaluate.word_errors import measure
from amira_training.features import Fbank
from amira_training.model.streaming_encoder import StreamingEncoder
from amira_training.model.transducer import Transducer
from amira_training.settings import PhaseSettings
from amira_training.teacher.moonshine import load_moonshine
from amira_training.teacher.student import student_of
from amira_training.tokens import Tokens
from amira_training.train.checkpoint import load_checkpoint
from amira_training.train.corpus import Corpus, EpochByLength, open_corpus
from amira_training.train.examples import HeadExamples, JointExamples, StemExamples
from amira_training.train.loop import Batch, Budget, Loop, Measurement, Phase
from amira_training.train.phases import HEADS, JOINT, STEM, HeadPhase, JointPhase, StemPhase, head_modules
from amira_training.train.plans import Epoch, Item, Plan
from amira_training.work_folder import fingerprint

B = TypeVar("B", bound=Batch)

_MEASURED_CHUNK_MS = 320


@dataclass(frozen=True)
class TrainingOptions:
    """What only training needs.

    Attributes:
        minutes: instead of the phase's own.
        steps: a budget of steps instead of minutes.
        workers: processes that make batches; 0 is a thread.
        threads: of torch; None leaves it alone.
    """

    minutes: float | None = None
    steps: int | None = None
    workers: int = 0
    threads: int | None = None


def warm_up_stem(run: Run, options: TrainingOptions) -> None:
    """Writes ``checkpoints/stem.pt``. Raises MissingStepError, DataError, TrainingError."""
    settings = run.settings.stem
    teacher = load_moonshine(run.work.require(run.work.teacher_weights, "fetch-teacher"))
    corpus = _corpus(run, taught=False)
    encoder = StreamingEncoder()
    torch.manual_seed(run.settings.seed)
    _set_statistics(encoder, corpus, settings.statistics_utterances, run.settings.seed)
    phase = StemPhase(encoder, teacher, settings, run.precision)
    examples = StemExamples(corpus, settings, _disturber(run, corpus))
    count = max(1, round(settings.batch_seconds / settings.crop_s))
    _train(run, options, settings, phase, examples, _AnyOrder(corpus.usable(), count))


def warm_up_heads(run: Run, options: TrainingOptions) -> None:
    """Writes ``checkpoints/heads.pt``. Raises MissingStepError, DataError, TrainingError."""
    settings = run.settings.heads
    torch.manual_seed(run.settings.seed)
    tokens = Tokens(run.work.require(run.work.bpe_model, "tokens"))
    _hold_to_vocabulary(run, HEADS)
    corpus = _corpus(run, taught=True)
    phase = HeadPhase(
        StreamingEncoder(), Transducer(len(tokens)), settings, run.precision, run.settings.pruning_range
    )
    deal = EpochByLength(corpus, corpus.usable(), settings.batch_seconds)
    _train(run, options, settings, phase, HeadExamples(corpus), deal)


def train_jointly(run: Run, options: TrainingOptions) -> None:
    """Writes ``checkpoints/joint.pt``. Raises MissingStepError, DataError, TrainingError."""
    settings = run.settings.joint
    tokens = Tokens(run.work.require(run.work.bpe_model, "tokens"))
    _hold_to_vocabulary(run, JOINT)
    encoder, transducer = _warmed_up(run, tokens)
    corpus = _corpus(run, taught=True)
    phase = JointPhase(encoder, transducer, settings, run.precision, run.settings.pruning_range)
    disturber = _disturber(run, corpus)
    examples = JointExamples(corpus, run.settings.augmentation, disturber)
    deal = EpochByLength(corpus, corpus.usable(), settings.batch_seconds, run.settings.augmentation)
    recognizer = Recognizer(encoder, transducer, tokens, run.precision)
    _train(run, options, settings, phase, examples, deal, _measurement(run, recognizer))


@dataclass(frozen=True)
class _AnyOrder:
    """Deals recordings at random, ``count`` to a batch."""

    items: list[Item]
    count: int

    def __call__(self, rng: np.random.Generator) -> list[list[Item]]:
        shuffled = [self.items[index] for index in rng.permutation(len(self.items))]
        return [shuffled[first : first + self.count] for first in range(0, len(shuffled), self.count)]


def _train(
    run: Run,
    options: TrainingOptions,
    settings: PhaseSettings,
    phase: Phase[B],
    examples: Callable[[Plan], B],
    deal: Epoch,
    measurement: Measurement | None = None,
) -> None:
    if options.threads:
        torch.set_num_threads(options.threads)
    checkpoint = run.work.checkpoints / f"{phase.name}.pt"
    if run.again:
        checkpoint.unlink(missing_ok=True)
    curve = run.work.curves / f"{phase.name}.csv"
    budget = Budget(options.minutes or settings.minutes, options.steps)
    loop = Loop(phase, settings, budget, checkpoint, curve, run.precision, measurement)
    if budget.progress(loop.place) >= 1:
        say(f"{phase.name}: {checkpoint} is complete (--minutes for longer, --again for another)")
        return
    _say_start(run, phase.name, budget)
    loop.run(examples, deal, seed=run.settings.seed, workers=options.workers)
    minutes = loop.place.elapsed_s / 60
    say(f"{phase.name}: wrote {checkpoint} after {loop.place.step} steps, {minutes:.1f} minutes; {curve}")


def _say_start(run: Run, name: str, budget: Budget) -> None:
    precision = run.precision
    length = f"{budget.minutes:g} minutes" if budget.steps is None else f"{budget.steps} steps"
    threads = f", {torch.get_num_threads()} threads" if precision.device.type == "cpu" else ""
    place = f"{precision.device} in {precision.arithmetic}{threads}, torch {torch.__version__}"
    say(f"{name}: {length} on {place}")


def _corpus(run: Run, *, taught: bool) -> Corpus:
    tokens = Tokens(run.work.require(run.work.bpe_model, "tokens"))
    for name in run.work.training_sets() if taught else ():
        if not run.work.is_done(f"teach-{name}", teach_inputs(run, name)):
            raise MissingStepError(f"the teacher has not heard the set '{name}' as it is: run `teach` first")
    return open_corpus(run.work, tokens, run.settings.data, taught=taught)


def _disturber(run: Run, corpus: Corpus) -> Disturber:
    return Disturber(run.settings.augmentation, corpus.some_speech)


def _set_statistics(encoder: StreamingEncoder, corpus: Corpus, utterances: int, seed: int) -> None:
    """Mean of each bin, and one deviation for all, from some recordings."""
    items = corpus.usable()
    if not items:
        raise DataError("no recording is fit to train on: all are too long or have no words")
    rng = np.random.default_rng(seed)
    some = [items[index] for index in rng.integers(len(items), size=utterances)]
    fbank = Fbank()
    frames = torch.cat(
        [fbank(torch.from_numpy(corpus.audio(item))[None])[0] for item in counted("statistics", some)]
    )
    encoder.stem.mean.copy_(frames.mean(0))
    encoder.stem.inverse_deviation.fill_(1 / float(frames.std()))


def _warmed_up(run: Run, tokens: Tokens) -> tuple[StreamingEncoder, Transducer]:
    """The teacher's layers between the stem and the heads of the warm-up."""
    work = run.work
    encoder = student_of(load_moonshine(work.require(work.teacher_weights, "fetch-teacher")))
    transducer = Transducer(len(tokens))
    stem = load_checkpoint(work.require(work.checkpoints / f"{STEM}.pt", "warm-up"), STEM)
    heads = load_checkpoint(work.require(work.checkpoints / f"{HEADS}.pt", "warm-up"), HEADS)
    _refuse_other_vocabulary(run, HEADS)
    encoder.stem.load_state_dict(stem.network)
    head_modules(encoder, transducer).load_state_dict(heads.network)
    return encoder, transducer


def _hold_to_vocabulary(run: Run, phase: str) -> None:
    """Notes what tokens a phase learns; a run that goes on must learn the same."""
    if not run.again:
        _refuse_other_vocabulary(run, phase)
    run.work.note_done(phase, _vocabulary(run))


def _refuse_other_vocabulary(run: Run, phase: str) -> None:
    checkpoint = run.work.checkpoints / f"{phase}.pt"
    if checkpoint.exists() and run.work.done_with(phase) not in (None, _vocabulary(run)):
        command = "train" if phase == JOINT else "warm-up --only heads"
        raise DataError(f"{checkpoint} was trained with another vocabulary: run `{command} --again`")


def _vocabulary(run: Run) -> dict[str, str]:
    return {"vocabulary": fingerprint(run.work.bpe_model)}


def _measurement(run: Run, recognizer: Recognizer) -> Measurement | None:
    settings = run.settings.joint
    names = run.work.evaluation_sets()
    if not settings.evaluate_utterances or not names:
        return None
    left_steps = run.settings.evaluation.left_steps

    def rates() -> Mapping[str, float]:
        return {
            errors.source: errors.rate
            for name in names
            for errors in measure(
                recognizer,
                open_set(run.work.audio, name),
                _MEASURED_CHUNK_MS,
                left_steps,
                settings.evaluate_utterances,
            )
        }

    return Measurement(settings.evaluate_minutes, rates, run.work.curves / f"{JOINT}-word-errors.csv")
