"""Nothing that runs in a service unpickles or evaluates anything: SECURITY.md on torch rests on it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ["services", "libs", "clients", "deploy"]

LOADERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "torchaudio"}
"""Modules that turn bytes into objects with code of their own."""

CALLS = {"eval", "exec", "compile", "__import__"}

TORCH = {"Tensor", "from_numpy", "set_num_threads"}
"""All of torch that the services use. Every known finding of torch 1.13.1 is in another part of it."""


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def problems(tree: ast.AST) -> Iterator[str]:
    """What a module must not do."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name.split(".")[0] in LOADERS)
                yield from (name.name for name in names if name.name.startswith("torch."))
            case ast.ImportFrom(module=str(module), level=0):
                if module.split(".")[0] in LOADERS | {"torch"}:
                    yield f"from {module}"
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield f"{name}()"
            case ast.Attribute(value=ast.Name(id="torch"), attr=name) if name not in TORCH:
                yield f"torch.{name}"
            case ast.keyword(arg="allow_pickle", value=value) if not _is_false(value):
                yield "allow_pickle"
            case ast.Attribute(value=ast.Name(id="yaml"), attr="load" | "unsafe_load"):
                yield "yaml.load"


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def test_no_service_turns_bytes_into_code() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {problem}"
        for path in sources()
        for problem in problems(ast.parse(path.read_text()))
    }
    assert found == set()
    assert len(sources()) > 100


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import torch.jit",
        "from torch import load",
        "from torch.serialization import load",
        "import torch\ntorch.load('x')",
        "import torch\ntorch.jit.load('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "eval('1')",
        "import yaml\nyaml.load('x')",
    ],
)
def test_the_search_finds_what_it_looks_for(code: str) -> None:
    assert list(problems(ast.parse(code)))


def test_what_is_allowed_is_not_found() -> None:
    code = ("import torch", "np.load('x', allow_pickle=False)", "torch.from_numpy(x)", "re.compile('x')")
    assert list(problems(ast.parse("\n".join(code)))) == []


def test_every_finding_that_is_passed_over_is_explained() -> None:
    listed = {
        line
        for line in (ROOT / "requirements" / "known-findings.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    page = (ROOT / "SECURITY.md").read_text()
    assert len(listed) > 10
    assert {name for name in listed if name not in page} == set()
