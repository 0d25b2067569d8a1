"""`fetch-teacher`: the teacher's weights out of their package."""

from __future__ import annotations

from pathlib import Path

from amira_training.commands.run import Run, once
from amira_training.console import say
from amira_training.teacher.moonshine import load_moonshine
from amira_training.teacher.wheel import REQUIREMENT, fetch_graph


def fetch_teacher(run: Run, wheel: Path | None = None) -> None:
    """Writes ``teacher/encoder.ort`` and its licence. Raises TeacherError."""
    graph = run.work.teacher_graph
    if not run.again and graph.exists():
        load_moonshine(graph)
        say(f"fetch-teacher: {graph} is there (--again fetches it anew)")
        return
    with once(run, "fetch-teacher", {"package": REQUIREMENT}):
        fetch_graph(graph, wheel)
        weights = sum(tensor.numel() for tensor in load_moonshine(graph).parameters())
        say(f"fetch-teacher: wrote {graph} ({weights / 1e6:.1f} M weights, MIT licence beside it)")
