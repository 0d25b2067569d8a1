"""`plot`: the curves of all phases in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amira_training.commands.run import Run
from amira_training.console import say
from amira_training.errors import MissingStepError, RecipeError
from amira_training.train.curves import read_curve
from amira_training.train.phases import HEADS, JOINT, STEM

_NOT_DRAWN = {"step", "minutes", "epoch", "learning_rate", "gradient_norm", "times_real_time"}
_PANEL_INCHES = (9, 3)


def plot(run: Run) -> None:
    """Writes ``curves/curves.png``.

    Raises:
        MissingStepError: there are no curves.
        RecipeError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RecipeError("the plot needs matplotlib: pip install matplotlib") from error
    mpl.use("Agg")
    paths = [run.work.curves / f"{name}.csv" for name in (STEM, HEADS, JOINT, f"{JOINT}-word-errors")]
    curves = {path: rows for path in paths if (rows := read_curve(path))}
    if not curves:
        raise MissingStepError(f"no curves in {run.work.curves}: run `warm-up` or `train` first")
    width, height = _PANEL_INCHES
    figure = Figure(figsize=(width, height * len(curves)), layout="constrained")
    for axes, (path, rows) in zip(
        figure.subplots(len(curves), squeeze=False)[:, 0], curves.items(), strict=True
    ):
        _draw(axes, path, rows)
    target = run.work.curves / "curves.png"
    figure.savefig(target, dpi=110)
    say(f"plot: wrote {target}")


def _draw(axes: Any, path: Path, rows: list[dict[str, float]]) -> None:
    minutes = [row["minutes"] for row in rows]
    for name in rows[0]:
        if name not in _NOT_DRAWN:
            axes.plot(
                minutes, [row[name] for row in rows], label=name, marker="." if len(rows) < 40 else None
            )
    axes.set_title(path.stem)
    axes.set_xlabel("minutes")
    axes.set_ylabel("%" if path.stem.endswith("word-errors") else "loss")
    axes.grid(alpha=0.3)
    if axes.lines:  # a run that has just begun may have had no finite loss yet
        axes.legend(fontsize="small")
