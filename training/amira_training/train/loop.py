"""The loop that runs every phase: schedule, clipping, averaging, curves, checkpoints, resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from amira_training.console import Bar, bar, say
from amira_training.data.feeder import feeding
from amira_training.errors import DataError, TrainingError
from amira_training.precision import Precision
from amira_training.settings import PhaseSettings
from amira_training.train.average import MovingAverage
from amira_training.train.checkpoint import Checkpoint, Place, load_checkpoint
from amira_training.train.curves import Curve
from amira_training.train.optimizer import Group, Optimizer
from amira_training.train.plans import Epoch, Plan, endless

_SMOOTHING = 0.96
_MOST_FAILURES = 20
_TORCH_SEED = 1  # purposes of a plan's generator: 0 makes the batch
DRAWS = 2


class Batch(Protocol):
    """What the loop knows of a batch."""

    @property
    def plan(self) -> Plan:
        """What it was made of."""

    @property
    def seconds(self) -> float:
        """Of audio."""


B = TypeVar("B", bound=Batch)
B_contra = TypeVar("B_contra", bound=Batch, contravariant=True)


class Losses(NamedTuple):
    """What is minimized, and what it consists of."""

    total: Tensor
    parts: Mapping[str, Tensor]


class Phase(Protocol[B_contra]):
    """What is trained in a phase, and how."""

    name: str
    network: nn.Module
    average_decay: float | None

    def rates(self) -> list[Group]:
        """Parameters with their peak learning rates; what is not named stays as it is."""

    def losses(self, batch: B_contra, *, step: int, progress: float) -> Losses:
        """Of one batch, at step ``step`` (from 0), ``progress`` of the phase done."""


@dataclass(frozen=True)
class Budget:
    """How long a phase lasts: so many minutes, or, for runs that shall repeat exactly, so many steps."""

    minutes: float
    steps: int | None = None

    def progress(self, place: Place) -> float:
        """0 at the start, 1 at the end."""
        if self.steps is not None:
            return min(1.0, place.step / self.steps)
        return min(1.0, place.elapsed_s / (self.minutes * 60))


@dataclass(frozen=True)
class Measurement:
    """Something that is measured now and then, with the averaged weights, into a curve of its own."""

    every_minutes: float
    measure: Callable[[], Mapping[str, float]]
    curve: Path


@dataclass
class Loop(Generic[B]):
    """Runs a phase, or the rest of it.

    Attributes:
        phase: what is trained.
        settings: how.
        budget: how long.
        checkpoint: where the state is kept; if the file is there, the run goes on from it.
        curve: where losses go.
        precision: device and arithmetic.
        measurement: what else is watched.
    """

    phase: Phase[B]
    settings: PhaseSettings
    budget: Budget
    checkpoint: Path
    curve: Path
    precision: Precision
    measurement: Measurement | None = None
    place: Place = field(default_factory=Place, init=False)

    def __post_init__(self) -> None:
        self.phase.network.to(self.precision.device)
        self._peaks = [group.rate for group in self.phase.rates()]
        self._optimizer = Optimizer(self.phase.rates(), self.settings.weight_decay)
        self._trained = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]
        decay = self.phase.average_decay
        self._average = None if decay is None else MovingAverage(self.phase.network, decay)
        if self.checkpoint.exists():
            self._resume(load_checkpoint(self.checkpoint, self.phase.name))
        self._smoothed: dict[str, float] = {}
        self._failures = 0

    def run(self, make: Callable[[Plan], B], deal: Epoch, *, seed: int, workers: int) -> None:
        """Trains until the budget is spent. Interrupted, it saves what it has before it goes.

        Args:
            make: makes a batch of a plan; called in workers.
            deal: deals an epoch.
            seed: of everything that is drawn.
            workers: processes that make batches; 0 is a thread.

        Raises:
            TrainingError: losses are not finite, or a worker died. Errors of ``make`` come as they are.
        """
        if self.budget.progress(self.place) >= 1:
            return
        self._curve = Curve(self.curve, self.place.step)
        if self.measurement:
            self._measured = Curve(self.measurement.curve, self.place.step)
        plans = endless(deal, seed, self.place.epoch, self.place.number)
        with feeding(make, plans, workers) as batches, bar(self.phase.name, 1.0) as shown:
            try:
                self._run(batches, shown)
            except KeyboardInterrupt:
                say(f"{self.phase.name}: stopped at step {self.place.step}; the same command goes on there")
                raise
            finally:
                if self.place.step:
                    self.save()

    def save(self) -> None:
        """Writes the checkpoint."""
        average = {} if self._average is None else self._average.state_dict()
        Checkpoint(
            self.phase.name,
            self.place,
            self.phase.network.state_dict(),
            self._optimizer.state_dict()["state"],
            dict(average),
        ).save(self.checkpoint)

    def _resume(self, saved: Checkpoint) -> None:
        groups = self._optimizer.state_dict()["param_groups"]  # from the settings, which may have changed
        try:
            self.phase.network.load_state_dict(saved.network)
            self._optimizer.load_state_dict({"state": saved.optimizer, "param_groups": groups})
            if self._average:
                self._average.load_state_dict(saved.average)
        except (RuntimeError, KeyError, ValueError) as error:
            raise DataError(
                f"{self.checkpoint} is of another network: --again begins anew ({error})"
            ) from error
        self.place = saved.place
        say(
            f"{self.phase.name}: on from step {self.place.step}, {self.place.elapsed_s / 60:.1f} minutes done"
        )

    def _run(self, batches: Iterable[B], shown: Bar) -> None:
        earlier_s, started = self.place.elapsed_s, time.monotonic()
        saved_s = measured_s = earlier_s
        audio_s = 0.0
        for batch in batches:
            gradient_norm = self._step(batch)
            audio_s += batch.seconds
            self.place.elapsed_s = earlier_s + time.monotonic() - started
            self.place.epoch, self.place.number = batch.plan.epoch, batch.plan.number + 1
            progress = self.budget.progress(self.place)
            shown.show(progress, " ".join(f"{name} {value:.3f}" for name, value in self._smoothed.items()))
            if self.place.step % self.settings.report_steps == 0 or progress >= 1:
                self._report(gradient_norm, audio_s / max(1e-9, self.place.elapsed_s - earlier_s))
            if self._is_due(measured_s, progress):
                self._measure()
                measured_s = earlier_s + time.monotonic() - started
            if progress >= 1:
                return
            if self.place.elapsed_s - saved_s >= self.settings.save_minutes * 60:
                self.save()
                saved_s = self.place.elapsed_s

    def _step(self, batch: B) -> float:
        torch.manual_seed(int(batch.plan.rng(_TORCH_SEED).integers(2**62)))
        progress = self.budget.progress(self.place)
        self._set_rates(progress)
        losses = self.phase.losses(batch, step=self.place.step, progress=progress)
        self._optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        norm = float(nn.utils.clip_grad_norm_(self._trained, self.settings.gradient_norm))
        self.place.step += 1
        if not (math.isfinite(norm) and math.isfinite(float(losses.total.detach()))):
            self._count_failure(batch.plan)
            return norm
        self._failures = 0
        self._optimizer.step()
        if self._average:
            self._average.update(self.place.step)
        for name, value in losses.parts.items():
            before = self._smoothed.get(name, float(value))
            self._smoothed[name] = _SMOOTHING * before + (1 - _SMOOTHING) * float(value)
        return norm

    def _set_rates(self, progress: float) -> None:
        warm = min(1.0, (self.place.step + 1) / self.settings.warm_up_steps)
        rest = self.settings.final_rate
        scale = warm * ((1 - rest) * 0.5 * (1 + math.cos(math.pi * progress)) + rest)
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * scale

    def _count_failure(self, plan: Plan) -> None:
        self._failures += 1
        say(f"{self.phase.name}: batch {plan.number} of epoch {plan.epoch} gave no finite gradient: left out")
        if self._failures >= _MOST_FAILURES:
            raise TrainingError(
                f"{_MOST_FAILURES} batches in a row gave no finite gradient: lower the learning rates"
            )

    def _report(self, gradient_norm: float, times_real_time: float) -> None:
        row: dict[str, float] = {
            "step": self.place.step,
            "minutes": self.place.elapsed_s / 60,
            "epoch": self.place.epoch,
            "learning_rate": self._optimizer.param_groups[0]["lr"],
            **self._smoothed,
            "gradient_norm": gradient_norm,
            "times_real_time": times_real_time,
        }
        self._curve.add(row)

    def _is_due(self, measured_s: float, progress: float) -> bool:
        if self.measurement is None:
            return False
        return progress >= 1 or self.place.elapsed_s - measured_s >= self.measurement.every_minutes * 60

    def _measure(self) -> None:
        assert self.measurement is not None
        if self._average:
            with self._average.in_place():
                figures = self.measurement.measure()
        else:
            figures = self.measurement.measure()
        self._measured.add({"step": self.place.step, "minutes": self.place.elapsed_s / 60, **figures})
        shown = ", ".join(f"{name} {value:.1f} %" for name, value in figures.items())
        say(f"{self.phase.name}, step {self.place.step}: word errors {shown}")


def learning(*modules: nn.Module) -> list[nn.Parameter]:
    """All parameters of some modules."""
    return [parameter for module in modules for parameter in module.parameters()]


def figures(losses: Mapping[str, Any]) -> dict[str, Tensor]:
    """Losses by name, detached for reports."""
    return {name: value.detach() for name, value in losses.items()}
