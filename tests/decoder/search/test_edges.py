"""What callers may get wrong, and what is allowed though odd."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from amira_core.errors import HotwordError
from amira_decoder.model import TransducerFolder
from amira_decoder.search import (
    Hotword,
    HotwordAutomaton,
    Hypothesis,
    Method,
    Search,
    SearchOptions,
    available_methods,
    create_search,
)
from tests.decoder.search.tiny_model import DIM, write_tiny_model


@pytest.fixture(scope="module", params=available_methods())
def search(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Search:
    model = write_tiny_model(tmp_path_factory.mktemp("tiny"), ["▁a", "b", "▁c"])
    return create_search(request.param, model)


def test_new_segment_is_empty(search: Search) -> None:
    segment = search.start_segment(None)
    assert search.best([segment]) == search.n_best(segment, 5) == [Hypothesis()]
    assert segment.num_frames == 0


def test_nothing_to_do(search: Search) -> None:
    segment = search.start_segment(None)
    search.advance([], np.zeros((0, 4, DIM), np.float32))
    search.advance([segment], np.zeros((1, 0, DIM), np.float32))
    assert segment.num_frames == 0
    assert search.best([]) == []


@pytest.mark.parametrize("shape", [(2, 3, DIM), (1, 3, DIM + 1), (3, DIM), (0, 3, DIM)])
def test_wrong_shapes(search: Search, shape: tuple[int, ...]) -> None:
    segment = search.start_segment(None)
    with pytest.raises(ValueError, match="encoder_out"):
        search.advance([segment], np.zeros(shape, np.float32))
    assert segment.num_frames == 0


def test_segment_twice_in_a_batch(search: Search) -> None:
    segment = search.start_segment(None)
    with pytest.raises(ValueError, match="twice"):
        search.advance([segment, segment], np.zeros((2, 1, DIM), np.float32))


def test_other_memory_layouts(search: Search) -> None:
    frames = np.random.default_rng(0).normal(size=(5, 2, DIM))
    one, other = search.start_segment(None), search.start_segment(None)
    search.advance([one, other], frames.transpose(1, 0, 2))
    plain = [search.start_segment(None), search.start_segment(None)]
    search.advance(plain, np.ascontiguousarray(frames.transpose(1, 0, 2), np.float32))
    assert search.best([one, other]) == search.best(plain)


def test_interims_do_not_disturb(search: Search) -> None:
    """Asking in any order, for any part of a batch, at any time, changes nothing."""
    random = np.random.default_rng(4)
    asked, silent = ([search.start_segment(None) for _ in range(5)] for _ in range(2))
    for _ in range(12):
        members = random.permutation(5)[: random.integers(1, 6)]
        frames = random.normal(0, 2, (len(members), random.integers(1, 4), DIM)).astype(np.float32)
        for segments in (asked, silent):
            search.advance([segments[i] for i in members], frames)
        search.best([asked[i] for i in random.permutation(5)[: random.integers(0, 6)]])
        search.n_best(asked[random.integers(5)], 3)
    assert search.best(asked) == search.best(silent)
    assert [search.n_best(s, 4) for s in asked] == [search.n_best(s, 4) for s in silent]
    assert any(h.tokens for h in search.best(asked))


def test_a_long_segment(search: Search) -> None:
    """A minute (1500 frames): frames keep rising and nothing is lost on the way."""
    segment = search.start_segment(None)
    frames = np.random.default_rng(0).normal(0, 2, (1, 1500, DIM)).astype(np.float32)
    for at in range(0, 1500, 50):
        search.advance([segment], frames[:, at : at + 50])
    best = search.best([segment])[0]
    assert segment.num_frames == 1500
    assert len(best.tokens) > 100
    assert best.frames[-1] > 1400


def test_segment_ends_on_its_last_token(search: Search) -> None:
    """A token on the newest frame is in the result at once, with its own log-probability."""
    random = np.random.default_rng(7)
    last_frames = set()
    for _ in range(30):
        segment = search.start_segment(None)
        search.advance([segment], random.normal(0, 3, (1, 4, DIM)).astype(np.float32))
        best = search.best([segment])[0]
        if best.frames and best.frames[-1] == 3:
            last_frames.add(best.log_probs[-1])
    assert last_frames
    assert all(-20 < log_prob < 0 for log_prob in last_frames)


def test_hotwords_where_there_are_none(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path, ["▁a", "b"])
    automaton = HotwordAutomaton.build([Hotword("ab", 1)], model.tokens)
    with pytest.raises(HotwordError, match="no hotwords"):
        create_search("greedy", model).start_segment(automaton)


@pytest.mark.parametrize("options", [{"num_active_paths": 0}, {"k2_beam": -1}, {"k2_max_states": 10**6}])
def test_options_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be from"):
        SearchOptions(**options)  # type: ignore[arg-type]  # one of the fields, whichever


def test_unknown_method(starter: TransducerFolder) -> None:
    with pytest.raises(ValueError, match="not available here; there is"):
        create_search("magic", starter)  # type: ignore[arg-type]  # on purpose


def test_works_without_torch(model_dir: Path) -> None:
    """Where torch or k2 is absent, beam comes first and greedy and beam run."""
    script = f"""
import sys
sys.modules["torch"] = None  # what Python itself puts there for "do not import"
from amira_decoder.search import available_methods, create_search
from amira_decoder.model import TransducerFolder
assert available_methods() == ("beam", "greedy"), available_methods()
for method in available_methods():
    search = create_search(method, TransducerFolder.open({str(model_dir)!r}))
    assert search.name == method
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_default_method_is_k2_where_it_is_installed() -> None:
    pytest.importorskip("k2")
    methods: tuple[Method, ...] = ("k2", "beam", "greedy")
    assert available_methods() == methods


def test_hotwords_of_another_model(search: Search, starter: TransducerFolder) -> None:
    automaton = HotwordAutomaton.build([Hotword("hello", 1)], starter.tokens)
    with pytest.raises((ValueError, HotwordError), match="hotwords"):
        search.start_segment(automaton)


def test_far_too_many_alternatives(search: Search) -> None:
    segment = search.start_segment(None)
    search.advance([segment], np.random.default_rng(0).normal(size=(1, 20, DIM)).astype(np.float32))
    assert 1 <= len(search.n_best(segment, 10**9)) <= 64
    assert len(search.n_best(segment, -3)) == 1
