"""What fails beside other tests is run once more, and what is broken stays so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import second_chance

OPTIONS = ["-q", "--rootdir=."]
UNSTABLE = """
    from pathlib import Path

    def test_first_time_only():
        seen = Path("seen")
        first, _ = not seen.exists(), seen.touch()
        assert not first
"""


def run(folder: Path, *files: str) -> int:
    for number, content in enumerate(files):
        lines = [line.removeprefix("    ") for line in content.splitlines()]
        (folder / f"test_{number}.py").write_text("\n".join(lines))
    return second_chance.main(OPTIONS, folder)


def test_what_passes_alone_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, UNSTABLE) == 0
    said = capfd.readouterr().out
    assert said.endswith("passed alone; please mend:\n  test_0.py::test_first_time_only\n")


def test_what_is_broken_fails_the_run(tmp_path: Path) -> None:
    assert run(tmp_path, UNSTABLE + "\n    def test_never():\n        assert False\n") == 1
    assert run(tmp_path, "\n    import nothing_of_that_name\n") == 2


def test_failures_in_many_files_are_not_tried_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, *["\n    def test_it():\n        assert False\n"] * 5) == 1
    assert "once more" not in capfd.readouterr().out


def test_no_failure_of_an_earlier_run_is_taken_for_one(tmp_path: Path) -> None:
    assert run(tmp_path, "\n    def test_old():\n        assert False\n") == 1
    assert run(tmp_path, "\n    def test_new():\n        pass\n") == 0
    assert run(tmp_path, UNSTABLE) == 0
