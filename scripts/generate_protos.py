"""Generates Python code from protos/ into libs/generated/. With --check, only says whether it is current."""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GENERATED = ROOT / "libs" / "generated"


def generate(out: Path) -> None:
    """Runs protoc; raises CalledProcessError with its messages when a proto is wrong."""
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    plugins = str(Path(sys.executable).parent)  # protoc finds protoc-gen-* on the PATH
    subprocess.run(  # noqa: S603 - our own arguments
        [
            sys.executable, "-m", "grpc_tools.protoc", "-I", str(PROTOS),
            f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}", f"--mypy_grpc_out={out}",
            *sources,
        ],
        check=True,
        env={**os.environ, "PATH": plugins + os.pathsep + os.environ.get("PATH", "")},
    )  # fmt: skip
    for folder in {path.parent for path in out.rglob("*.py")}:
        (folder / "py.typed").touch()


def stale_files(fresh: Path) -> list[str]:
    """Names of files that differ from, or exist only in, one of the two trees."""

    def names(tree: Path) -> set[str]:
        return {str(p.relative_to(tree)) for p in tree.rglob("*") if p.is_file() and p.suffix != ".pyc"}

    return sorted(
        name
        for name in names(fresh) | names(GENERATED)
        if not (fresh / name).exists()
        or not (GENERATED / name).exists()
        or not filecmp.cmp(fresh / name, GENERATED / name, shallow=False)
    )


def main() -> int:
    """Returns 1 when --check finds stale files."""
    if "--check" not in sys.argv:
        GENERATED.mkdir(parents=True, exist_ok=True)
        generate(GENERATED)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = stale_files(Path(folder))
    if stale:
        sys.stderr.write("generated code is stale, run `make protos`:\n  " + "\n  ".join(stale) + "\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
