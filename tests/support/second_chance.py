"""Runs pytest; what fails beside other tests is run once more, alone.

    python -m tests.support.second_chance [options of pytest]

Hundreds of tests start servers and wait for them on machines of which nobody knows how busy they are. One
that fails among the others and passes alone is named in the last lines: it is to be mended, but does not
hold up a change. One that also fails alone fails the run, and so do failures in many files at once, whose
cause is not the machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FEW_FILES = 4
"""Where tests of more files have failed, none is run again."""

_PYTEST = (sys.executable, "-m", "pytest")
_TESTS_FAILED = 1


def main(options: Sequence[str], folder: Path = Path()) -> int:
    """Returns pytest's exit status."""
    failures = folder / ".pytest_cache" / "v" / "cache" / "lastfailed"
    failures.unlink(missing_ok=True)
    status = subprocess.run([*_PYTEST, *options], cwd=folder, check=False).returncode
    failed = sorted(json.loads(failures.read_text())) if failures.exists() else []
    files = {name.partition("::")[0] for name in failed}
    if not all((folder / file).is_file() for file in files):  # processes of pytest itself
        return status
    if status != _TESTS_FAILED or not 0 < len(files) <= FEW_FILES:
        return status
    _say(f"{len(failed)} failed; once more, alone:")
    status = subprocess.run([*_PYTEST, *failed], cwd=folder, check=False).returncode
    if status == 0:
        _say("Failed beside other tests and passed alone; please mend:", *failed)
    return status


def _say(*lines: str) -> None:
    print("\n" + "\n  ".join(lines), flush=True)  # noqa: T201 - a program's output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
