"""What has been done is remembered, with what it was made from; half-written files never appear."""

from __future__ import annotations

from pathlib import Path

import pytest

from amira_training.commands.run import Run, once
from amira_training.errors import BusyError, MissingStepError
from amira_training.files import whole
from amira_training.settings import Settings
from amira_training.work_folder import WorkFolder


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"

    def interrupted() -> None:
        with whole(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(path.parent.iterdir()) == []
    with whole(path) as part:
        part.write_text("all")
        assert not path.exists()
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_two_commands_do_not_work_in_one_folder(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "new")
    with work.alone(), pytest.raises(BusyError, match="another command"), work.alone():
        pass
    with work.alone():
        pass


def test_once(tmp_path: Path) -> None:
    run = Run(WorkFolder(tmp_path), Settings())
    with once(run, "stir", {"with": ("spoon", 1)}) as wanted:
        assert wanted
    with once(run, "stir", {"with": ("spoon", 1)}) as wanted:
        assert not wanted
    with once(run, "stir", {"with": ("fork", 1)}) as wanted:
        assert wanted
    with once(Run(run.work, run.settings, again=True), "stir", {"with": ("fork", 1)}) as wanted:
        assert wanted


def test_what_fails_is_not_done(tmp_path: Path) -> None:
    run = Run(WorkFolder(tmp_path), Settings())
    with once(run, "stir", {}):
        pass
    with pytest.raises(ZeroDivisionError), once(Run(run.work, run.settings, again=True), "stir", {}):
        _ = 1 / 0
    assert not run.work.is_done("stir", {})


def test_a_damaged_note_is_no_note(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path)
    work.note_done("stir", {"a": 1})
    (tmp_path / "steps" / "stir.json").write_text("{")
    assert not work.is_done("stir", {"a": 1})


def test_what_is_missing_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingStepError, match="run `prepare` first"):
        WorkFolder(tmp_path).training_sets()
