"""Kernels are compiled when a search is made, never while it serves: numba takes seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
import numpy as np
from amira_decoder.model import TransducerFolder
from amira_decoder.search import Hotword, HotwordAutomaton, available_methods, create_search

def compiled():
    return {
        (module, name): len(value.signatures)
        for module in sorted(sys.modules) if module.startswith("amira_decoder")
        for name, value in vars(sys.modules[module]).items() if hasattr(value, "nopython_signatures")
    }

model = TransducerFolder.open(sys.argv[1])
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
            chunk = random.normal(0, 1, (count, frames, 256)).astype(np.float32)
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
