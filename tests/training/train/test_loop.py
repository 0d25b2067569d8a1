"""Training learns, saves, resumes where it stopped, and stops when it must."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from amira_training.errors import DataError, TrainingError
from amira_training.precision import Precision
from amira_training.settings import PhaseSettings
from amira_training.train.checkpoint import Place, load_checkpoint
from amira_training.train.curves import read_curve
from amira_training.train.loop import Budget, Loop, Losses, Measurement
from amira_training.train.optimizer import Group
from amira_training.train.plans import Item, Plan

CPU = Precision(torch.device("cpu"), "fp32")
SETTINGS = PhaseSettings(minutes=1, batch_seconds=1, warm_up_steps=5, report_steps=1)


@dataclass(frozen=True)
class Points:
    """A batch: points on a line."""

    plan: Plan
    x: torch.Tensor
    seconds: float = 1.0


class Line:
    """A phase that fits a line, with dropout so that torch's own randomness matters."""

    name = "line"

    def __init__(self, average_decay: float | None = 0.9, *, poison_from: float = math.inf) -> None:
        torch.manual_seed(7)
        self.network: nn.Module = nn.Sequential(nn.Linear(1, 16), nn.Dropout(0.2), nn.Linear(16, 1))
        self.average_decay = average_decay
        self._poison_from = poison_from

    def rates(self) -> list[Group]:
        return [Group(list(self.network.parameters()), 0.05)]

    def losses(self, batch: Points, *, step: int, progress: float) -> Losses:
        error = ((self.network(batch.x) - (3 * batch.x + 1)) ** 2).mean()
        if step >= self._poison_from:
            error = error * math.nan
        return Losses(error, {"error": error.detach()})


def make(plan: Plan) -> Points:
    return Points(plan, torch.from_numpy(plan.rng().uniform(-1, 1, (32, 1))).float())


def deal(rng: np.random.Generator) -> list[list[Item]]:
    return [[(0, int(index))] for index in rng.permutation(7)]


def loop(folder: Path, phase: Line, steps: int, measurement: Measurement | None = None) -> Loop[Points]:
    return Loop(phase, SETTINGS, Budget(1, steps), folder / "line.pt", folder / "line.csv", CPU, measurement)


def run(folder: Path, phase: Line, steps: int, measurement: Measurement | None = None) -> Loop[Points]:
    made = loop(folder, phase, steps, measurement)
    made.run(make, deal, seed=3, workers=0)
    return made


def test_it_learns(tmp_path: Path) -> None:
    run(tmp_path, Line(), 150)
    errors = [row["error"] for row in read_curve(tmp_path / "line.csv")]
    assert len(errors) == 150
    assert errors[-1] < 0.15 * errors[0]


class PlugPulledError(Exception):
    """Somebody pulls the plug."""


def test_an_interrupted_run_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    straight = run(whole, Line(), 20)

    class Interrupted(Line):
        def losses(self, batch: Points, *, step: int, progress: float) -> Losses:
            if step == 11:
                raise PlugPulledError
            return super().losses(batch, step=step, progress=progress)

    with pytest.raises(PlugPulledError):
        run(halves, Interrupted(), 20)
    saved = load_checkpoint(halves / "line.pt", "line")
    assert (saved.place.step, saved.place.epoch, saved.place.number) == (11, 1, 4)
    resumed = run(halves, Line(), 20)
    assert resumed.place.step == 20
    for one, other in zip(
        straight.phase.network.parameters(), resumed.phase.network.parameters(), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    ends = [load_checkpoint(folder / "line.pt", "line").average for folder in (whole, halves)]
    for name, value in ends[0].items():
        assert torch.equal(value, ends[1][name])
    assert [row["step"] for row in read_curve(halves / "line.csv")] == list(range(1, 21))


def test_what_was_written_after_the_checkpoint_is_done_again(tmp_path: Path) -> None:
    run(tmp_path, Line(), 5)
    with (tmp_path / "line.csv").open("a") as file:
        file.write("6,0,0,0,0,0,0\n7,0,0")  # a killed run's last words
    run(tmp_path, Line(), 8)
    rows = read_curve(tmp_path / "line.csv")
    assert [row["step"] for row in rows] == list(range(1, 9))
    assert all(row["error"] > 0 for row in rows)


def test_a_finished_phase_has_nothing_to_do(tmp_path: Path) -> None:
    run(tmp_path, Line(), 5)
    before = (tmp_path / "line.pt").read_bytes()
    assert run(tmp_path, Line(), 5).place.step == 5
    assert (tmp_path / "line.pt").read_bytes() == before


def test_time_is_a_budget_too() -> None:
    assert Budget(2).progress(Place(step=5, elapsed_s=30)) == 0.25
    assert Budget(2).progress(Place(step=5, elapsed_s=500)) == 1
    assert Budget(2, steps=10).progress(Place(step=5, elapsed_s=500)) == 0.5


def test_the_learning_rate_rises_and_falls(tmp_path: Path) -> None:
    run(tmp_path, Line(), 40)
    rates = [row["learning_rate"] for row in read_curve(tmp_path / "line.csv")]
    assert rates[0] == pytest.approx(0.05 / 5)
    assert 4 <= rates.index(max(rates)) <= 5
    assert rates[-1] < 0.1 * max(rates)


def test_measurements_see_the_average(tmp_path: Path) -> None:
    phase = Line()
    seen: list[torch.Tensor] = []

    def measure() -> dict[str, float]:
        seen.append(next(phase.network.parameters()).detach().clone())
        return {"dev": 12.5}

    done = run(tmp_path, phase, 6, Measurement(1e9, measure, tmp_path / "dev.csv"))
    assert read_curve(tmp_path / "dev.csv") == [
        {"step": 6, "minutes": pytest.approx(done.place.elapsed_s / 60, abs=1e-3), "dev": 12.5}
    ]
    average = load_checkpoint(tmp_path / "line.pt", "line").average["0.weight"]
    assert torch.equal(seen[0], average)
    assert not torch.equal(seen[0], next(phase.network.parameters()))


def test_losses_that_stay_infinite_end_the_run_and_leave_good_weights(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="20 batches in a row"):
        run(tmp_path, Line(poison_from=6), 100)
    saved = load_checkpoint(tmp_path / "line.pt", "line")
    assert all(torch.isfinite(value).all() for value in saved.network.values())


def test_an_error_in_the_feeder_ends_the_run(tmp_path: Path) -> None:
    def fail(plan: Plan) -> Points:
        if plan.number == 4:
            raise OSError("disk gone")
        return make(plan)

    with pytest.raises(OSError, match="disk gone"):
        loop(tmp_path, Line(), 100).run(fail, deal, seed=3, workers=0)
    assert load_checkpoint(tmp_path / "line.pt", "line").place.step == 4


def test_nothing_to_train_on_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="fit to train on"):
        loop(tmp_path, Line(), 5).run(make, lambda rng: [], seed=3, workers=0)


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    run(tmp_path, Line(), 2)
    with pytest.raises(DataError, match="of 'line', not of 'joint'"):
        load_checkpoint(tmp_path / "line.pt", "joint")
    content = (tmp_path / "line.pt").read_bytes()
    for broken in (b"", b"nonsense", content[: len(content) // 2]):
        (tmp_path / "line.pt").write_bytes(broken)
        with pytest.raises(DataError, match="damaged"):
            load_checkpoint(tmp_path / "line.pt", "line")


def test_another_network_is_refused(tmp_path: Path) -> None:
    run(tmp_path, Line(), 2)

    class Wider(Line):
        def __init__(self) -> None:
            super().__init__()
            self.network = nn.Linear(1, 17)

    with pytest.raises(DataError, match="--again"):
        loop(tmp_path, Wider(), 4)


def test_without_average_the_last_step_counts(tmp_path: Path) -> None:
    run(tmp_path, Line(average_decay=None), 3)
    saved = load_checkpoint(tmp_path / "line.pt", "line")
    assert saved.average == {}
    assert saved.place == replace(saved.place, step=3)
