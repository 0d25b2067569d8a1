"""`fetch-teacher`: the teacher's weights out of their package."""

from __future__ import annotations

from pathlib import Path

from amira_training.commands.run import Run
from amira_training.console import say
from amira_training.files import whole
from amira_training.teacher.moonshine import load_moonshine, moonshine_of, save_moonshine
from amira_training.teacher.ort_file import read_graph
from amira_training.teacher.wheel import fetch_graph


def fetch_teacher(run: Run, wheel: Path | None = None) -> None:
    """Writes ``teacher/encoder.pt`` and the licence of the weights. Raises TeacherError."""
    weights = run.work.teacher_weights
    if not run.again and weights.exists():
        load_moonshine(weights)
        say(f"fetch-teacher: {weights} is there (--again fetches it anew)")
        return
    fetched = fetch_graph(wheel)
    teacher = moonshine_of(read_graph(fetched.graph))
    with whole(weights.with_name("LICENSE")) as part:
        part.write_bytes(fetched.license_text)
    save_moonshine(teacher, weights)
    count = sum(tensor.numel() for tensor in teacher.parameters())
    say(f"fetch-teacher: wrote {weights}, {count / 1e6:.1f} M weights, and their licence (MIT)")
