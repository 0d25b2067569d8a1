"""The compiled code itself: vector registers, bounds, caches."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numba
import numpy as np
import pytest
from llvmlite import binding

import amira_frontend
from amira_frontend.fbank.kernel import READ_BEYOND, Kernel, load_kernel, padded_rows

_PACKED = re.compile(r"\bv?(?:add|sub|mul)ps\b[^\n]*%?(xmm|ymm|zmm)\d+")
_SCALAR = re.compile(r"\bv?(?:add|sub|mul)ss\b")


def test_arithmetic_uses_the_machines_vector_registers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"the pattern knows x86 registers only, this is {platform.machine()}")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))  # code from a cache cannot be inspected
    (code,) = Kernel().compiled.inspect_asm().values()
    widths = _PACKED.findall(code)
    features = binding.get_host_cpu_features()
    widest = {"ymm", "zmm"} if features.get("avx") else {"xmm"}
    assert sum(width in widest for width in widths) > 500
    assert len(_SCALAR.findall(code)) < 20


def test_arrays_that_are_too_short_are_refused() -> None:
    kernel = load_kernel()
    out = np.empty((8, 80), np.float32)
    enough = np.zeros(400 + READ_BEYOND, np.float32)
    kernel.compute(enough, 0, 1, out, 0)
    with pytest.raises(IndexError):
        kernel.compute(enough[:-1], 0, 1, out, 0)
    with pytest.raises(IndexError):
        kernel.compute(enough, 0, 1, out[:7], 0)
    with pytest.raises(IndexError):
        kernel.compute(enough, -1, 1, out, 0)


def test_threads_do_not_disturb_each_other() -> None:
    kernel = load_kernel()
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(16_000 + READ_BEYOND).astype(np.float32) for _ in range(3)]
    frames = 90

    def run(samples: np.ndarray, times: int) -> np.ndarray:
        for _ in range(times):
            out = np.empty((padded_rows(frames), 80), np.float32)
            kernel.compute(samples, 0, frames, out, 0)
        return out[:frames]

    expected = [run(samples, 1) for samples in inputs]
    results: list[np.ndarray] = [np.empty(0)] * len(inputs)

    def work(index: int) -> None:
        results[index] = run(inputs[index], 200)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result, right in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, right)


def test_compiles_where_no_cache_can_be_written(tmp_path: Path) -> None:
    """A read-only container without a home: slower to start, but it starts, with the same result."""
    installed = tmp_path / "amira_frontend"
    source = Path(amira_frontend.__file__).parent
    shutil.copytree(source, installed, ignore=shutil.ignore_patterns("__pycache__"))
    (installed / "fbank" / "__pycache__").write_text("a file in its place refuses even root")
    script = (
        "import numpy as np; from amira_frontend.fbank.kernel import load_kernel as k;"
        "out = np.empty((8, 80), np.float32); k().compute(np.ones(1520, np.float32), 0, 1, out, 0);"
        "print(out[0, 0])"
    )
    environment = {"HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "kernel_cache_unusable" in done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("-15.94")
