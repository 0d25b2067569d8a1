"""`teach`: the teacher hears every training recording once."""

from __future__ import annotations

from typing import Any

from amira_training.commands.run import Run, once
from amira_training.console import bar, say
from amira_training.data.packed_set import open_set
from amira_training.teacher.moonshine import load_moonshine
from amira_training.teacher.outputs import teach as teach_set
from amira_training.work_folder import fingerprint


def teach(run: Run) -> None:
    """Writes ``teacher/NAME.f16`` for each set. Raises MissingStepError, TeacherError, DataError."""
    weights = run.work.require(run.work.teacher_weights, "fetch-teacher")
    for name in run.work.training_sets():
        with once(run, f"teach-{name}", teach_inputs(run, name)) as wanted:
            if not wanted:
                continue
            packed = open_set(run.work.audio, name)
            taught = teach_set(load_moonshine(weights), packed, run.work.teacher, run.precision)
            with bar(f"teach {name}", len(packed)) as shown:
                for number in taught:
                    shown.show(number + 1)
            gigabytes = (run.work.teacher / f"{name}.f16").stat().st_size / 1e9
            say(f"teach: wrote {run.work.teacher / name}.f16, {len(packed)} recordings, {gigabytes:.2f} GB")


def teach_inputs(run: Run, name: str) -> dict[str, Any]:
    """What the outputs for a set depend on."""
    index = run.work.audio / f"{name}.tsv"
    return {"inputs": [fingerprint(index), fingerprint(run.work.teacher_weights)]}
