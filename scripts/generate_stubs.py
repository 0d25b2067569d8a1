"""Generates client code for other languages into build/stubs/LANGUAGE.

``python scripts/generate_stubs.py [--out FOLDER] [LANGUAGE ...]``; all languages where none is named. A line
for each says what was made, or what is missing and how to get it. Exits with 1 where a language that was
named could not be made as a whole.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import grpc_tools  # type: ignore[import-untyped]  # it publishes no types

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.stubs.languages import LANGUAGES, Language  # noqa: E402 - found by the path that was just set
from scripts.stubs.plugins import UnavailableError  # noqa: E402 - as above

STUBS = ROOT / "build" / "stubs"
TOOLS = STUBS / "tools"
OWN_PROTOC = [sys.executable, "-m", "grpc_tools.protoc"]
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
"""google/protobuf/*.proto."""


def make(language: Language, out: Path) -> list[str]:
    """Replaces what is in `out`; returns what is missing. Raises CalledProcessError."""
    missing, arguments = [], []
    try:
        protoc = [str(language.protoc.executable(TOOLS))] if language.protoc else OWN_PROTOC
    except UnavailableError as problem:
        return [str(problem)]
    for name, output in language.outputs.items():
        try:
            if output.plugin is not None:
                arguments.append(f"--plugin=protoc-gen-{name}={output.plugin.executable(TOOLS)}")
        except UnavailableError as problem:
            missing.append(str(problem))
            continue
        arguments.append(f"--{name}_out={out}")
        if output.options:
            arguments.append(f"--{name}_opt={output.options}")
    shutil.rmtree(out, ignore_errors=True)
    if arguments:
        out.mkdir(parents=True)
        command = [*protoc, f"-I{ROOT / 'protos'}", f"-I{WELL_KNOWN}", *arguments, *language.protos]
        subprocess.run(command, check=True)  # noqa: S603 - our own arguments
    return missing


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description="Client code for other languages, into build/stubs.")
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help=", ".join(LANGUAGES))
    parser.add_argument("--out", type=Path, default=STUBS, help="folder of the languages' folders")
    arguments = parser.parse_args()
    unknown = set(arguments.languages) - set(LANGUAGES)
    if unknown:
        parser.error(f"no such language: {', '.join(sorted(unknown))} (there are {', '.join(LANGUAGES)})")
    status = 0
    for name in arguments.languages or LANGUAGES:
        out = arguments.out.resolve() / name
        missing = make(LANGUAGES[name], out)
        files = sum(path.is_file() for path in out.rglob("*"))
        made = "skipped" if not files else "made in part" if missing else "made"
        sys.stdout.write(f"{name:11} {made}" + (f": {files} files in {out}\n" if files else "\n"))
        sys.stdout.writelines(f"{'':11} {problem}\n" for problem in missing)
        sys.stdout.flush()  # the next language may take minutes
        if missing and arguments.languages:
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
