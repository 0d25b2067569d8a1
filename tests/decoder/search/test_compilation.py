"""Kernels are compiled when a search is made, never while it serves: numba takes seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from amira_decoder.model import joint_kernels as kernels

SCRIPT = """
import sys
import numpy as np
from amira_decoder.model import TransducerFolder
from amira_decoder.model.joint import JointNetwork
from amira_decoder.search import Hotword, HotwordAutomaton, available_methods, create_search

def compiled():
    return {
        (module, name): len(value.signatures)
        for module in sorted(sys.modules) if module.startswith("amira_decoder")
        for name, value in vars(sys.modules[module]).items() if hasattr(value, "nopython_signatures")
    }

model = TransducerFolder.open(sys.argv[1])
dim = JointNetwork(model).dim
automaton = HotwordAutomaton.build([Hotword("hello world", 2.0)], model.tokens)
random = np.random.default_rng(0)
searches = [create_search(method, model) for method in available_methods()]
before = compiled()
assert before
for search in searches:
    for count in (1, 3):
        hotwords = None if search.name == "greedy" else automaton
        segments = [search.start_segment(hotwords if i % 2 else None) for i in range(count)]
        for frames in (1, 16):
            chunk = random.normal(0, 1, (count, frames, dim)).astype(np.float32)
            unaligned = np.frombuffer(b"x" + chunk.tobytes(), np.float32, offset=1).reshape(chunk.shape)
            for kind in (chunk, unaligned, chunk.astype(np.float64), np.asfortranarray(chunk)):
                search.advance(segments, kind)
                search.best(segments)
                search.n_best(segments[0], 5)
assert compiled() == before, [(k, before.get(k), n) for k, n in compiled().items() if before.get(k) != n]
"""


def test_nothing_is_compiled_while_serving(model_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(model_dir)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


CHOOSE = """
import numpy as np
from amira_decoder.search.greedy import Found, _choose

found = Found(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32), np.zeros(1))
_choose(np.full(4, np.nan, np.float32), 0, 0, 0, found)
print(found.log_probs[0, 0], sum(_choose.stats.cache_hits.values()))
"""


def test_an_upgrade_never_runs_the_old_versions_kernels(tmp_path: Path) -> None:
    """The caller's file stays as it was; what it calls in another file changes."""
    package = Path(kernels.__file__).parent.parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def choose() -> str:
        command = [sys.executable, "-c", CHOOSE]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert choose() == "0.0 0\n"
    assert choose() == "0.0 1\n"  # from the cache
    changed = tmp_path / package.name / "model" / "joint_kernels.py"
    source = changed.read_text()
    assert "return blank, np.float32(0)" in source
    changed.write_text(source.replace("return blank, np.float32(0)", "return blank, np.float32(-1)"))
    assert choose() == "-1.0 0\n"
