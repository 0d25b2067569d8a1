"""The slot table keeps streams apart, whoever shares a batch and whatever is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amira_encoder.engine import Arrays, open_engine
from amira_encoder.engines.onnxruntime import OnnxRuntimeEngine
from amira_encoder.errors import EncoderModelError
from amira_encoder.graph import EncoderGraph, read_graph
from amira_encoder.graph_runner import GraphRunner
from amira_encoder.slot_table import SlotTable
from tests.encoder.conftest import LSTM_LIKE, METADATA, ZIPFORMER_LIKE, WriteModel

SLOTS = 4


def make_table(path: Path, engine: str = "onnxruntime", slots: int = SLOTS) -> SlotTable:
    """A table over an encoder."""
    return SlotTable(GraphRunner(read_graph(path), open_engine(path, engine, 1), slots))


def step(
    table: SlotTable, features: NDArray[np.float32], rows: list[tuple[int, int, bool]]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """One step; each row is a slot, a generation and a reset flag."""
    slots, generations, reset = zip(*rows, strict=True) if rows else ((), (), ())
    return table.step(
        features, np.array(slots, np.int32), np.array(generations, np.int64), np.array(reset, np.bool_)
    )


def noise(table: SlotTable, rows: int, seed: int = 0) -> NDArray[np.float32]:
    """Random features."""
    geometry = table.geometry
    shape = (rows, geometry.window_frames, geometry.feature_dim)
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


@dataclass
class Oracle:
    """What the table must do, said plainly: one dict of states per slot, one run per row."""

    graph: EncoderGraph
    engine: OnnxRuntimeEngine
    generations: dict[int, int] = field(default_factory=dict)
    states: dict[int, Arrays] = field(default_factory=dict)

    def step(self, features: NDArray[np.float32], rows: list[tuple[int, int, bool]]) -> list[Any]:
        """Frames per row; None for a refused row."""
        fit = [self._fits(*row) for row in rows]
        claims = [slot for (slot, _, _), fits in zip(rows, fit, strict=True) if fits]
        return [
            self._advance(window, *row) if fits and claims.count(row[0]) == 1 else None
            for window, row, fits in zip(features, rows, fit, strict=True)
        ]

    def _fits(self, slot: int, generation: int, reset: bool) -> bool:
        known = self.generations.get(slot) == generation
        return 0 <= slot < SLOTS and generation >= 0 and (known or reset)

    def _advance(self, window: NDArray[np.float32], slot: int, generation: int, reset: bool) -> Any:
        if reset:
            self.states[slot] = self.graph.zero_inputs(1)
        results = self.engine.run({**self.states[slot], self.graph.features_name: window[None]})
        self.states[slot] = {state.name: results[state.result_name] for state in self.graph.states}
        self.generations[slot] = generation
        return results[self.graph.output_name][0]


_row = st.tuples(st.integers(-1, SLOTS), st.integers(-1, 3), st.booleans())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedule=st.lists(st.lists(_row, max_size=6), max_size=12), seed=st.integers(0, 9))
def test_any_schedule_equals_single_streams(
    write_model: WriteModel, schedule: list[list[tuple[int, int, bool]]], seed: int
) -> None:
    path = write_model(ZIPFORMER_LIKE)
    table = make_table(path)
    oracle = Oracle(read_graph(path), OnnxRuntimeEngine(path, 1, "f32"))
    for tick, rows in enumerate(schedule):
        features = noise(table, len(rows), seed + tick)
        frames, accepted = step(table, features, rows)
        expected = oracle.step(features, rows)
        assert accepted.tolist() == [frame is not None for frame in expected]
        for got, want in zip(frames, expected, strict=True):
            np.testing.assert_array_equal(got, np.zeros_like(got) if want is None else want)
    assert table.live_generations == len(oracle.generations)


def test_state_advances_and_a_reset_starts_over(write_model: WriteModel) -> None:
    table = make_table(write_model(LSTM_LIKE))
    features = noise(table, 1)
    first = step(table, features, [(2, 10, True)])[0]
    second = step(table, features, [(2, 10, False)])[0]
    again = step(table, features, [(2, 11, True)])[0]
    np.testing.assert_array_equal(first, again)
    assert first.shape == (1, 1, 4)
    np.testing.assert_allclose(second, 3 * first, rtol=1e-6)  # the states add two means by then


def test_geometry_comes_from_a_probe(write_model: WriteModel) -> None:
    geometry = make_table(write_model(ZIPFORMER_LIKE)).geometry
    assert geometry.to_ints() == [12, 8, 4, 2, 4, 0]


def test_the_outputs_delay_comes_from_the_metadata(write_model: WriteModel) -> None:
    geometry = make_table(write_model(ZIPFORMER_LIKE, {**METADATA, "output_delay_frames": "3"})).geometry
    assert geometry.to_ints() == [12, 8, 4, 2, 4, 3]
    assert geometry.delay_frames == 12  # 8 frames of features give 2 outputs


def test_a_failing_run_changes_nothing(write_model: WriteModel) -> None:
    path = write_model(ZIPFORMER_LIKE)
    table = make_table(path)
    features = noise(table, 1)
    step(table, features, [(0, 1, True)])
    assert isinstance(table.runner, GraphRunner)
    healthy, table.runner.engine = table.runner.engine, _Failing(path, 1, "f32")
    with pytest.raises(MemoryError):
        step(table, noise(table, 2), [(0, 1, False), (1, 5, True)])
    table.runner.engine = healthy
    twin = make_table(path)
    step(twin, features, [(0, 1, True)])
    np.testing.assert_array_equal(
        step(table, features, [(0, 1, False)])[0], step(twin, features, [(0, 1, False)])[0]
    )
    assert not step(table, features, [(1, 5, False)])[1].any(), "a failed reset took effect"


class _Failing(OnnxRuntimeEngine):
    """An engine whose run fails, as one that is out of memory does."""

    def run(self, inputs: Any) -> Arrays:
        """Fails."""
        raise MemoryError


def test_not_a_number_stays_in_its_slot_and_leaves_with_it(write_model: WriteModel) -> None:
    path = write_model(ZIPFORMER_LIKE)
    table, twin = make_table(path), make_table(path)
    features = noise(table, 2)
    poisoned = features.copy()
    poisoned[0] = np.nan
    for reset in (True, False):
        frames = step(table, poisoned, [(0, 1, reset), (1, 1, reset)])[0]
        clean = step(twin, features, [(0, 1, reset), (1, 1, reset)])[0]
        np.testing.assert_array_equal(frames[1], clean[1])
    assert np.isnan(frames[0]).all()
    assert np.isfinite(step(table, features[:1], [(0, 2, True)])[0]).all()


@pytest.mark.parametrize("what", ["features", "slots", "generations", "reset"])
def test_wrong_shapes_and_types_are_refused(write_model: WriteModel, what: str) -> None:
    table = make_table(write_model(LSTM_LIKE))
    good = {
        "features": noise(table, 2),
        "slots": np.array([0, 1], np.int32),
        "generations": np.array([5, 5], np.int64),
        "reset": np.array([True, True]),
    }
    array = good[what]
    for wrong in (
        array[:1],
        array[None],
        array.astype(np.float64),
        array.reshape(-1)[:0],
        np.array(array.flat[0]),
    ):
        with pytest.raises(ValueError, match="must be"):
            table.step(**{**good, what: wrong})  # type: ignore[arg-type]  # wrong on purpose
    assert table.live_generations == 0


def test_features_need_not_be_contiguous(write_model: WriteModel) -> None:
    table = make_table(write_model(ZIPFORMER_LIKE))
    features = noise(table, 3)
    straight = step(table, features, [(slot, 1, True) for slot in range(3)])[0]
    strided = np.asfortranarray(features)
    assert not strided.flags.c_contiguous
    np.testing.assert_array_equal(step(table, strided, [(slot, 1, True) for slot in range(3)])[0], straight)


def test_results_do_not_change_under_later_steps(write_model: WriteModel) -> None:
    """Engines reuse their buffers; what a step returned must not."""
    for engine in ("onnxruntime", "openvino"):
        table = make_table(write_model(ZIPFORMER_LIKE), engine)
        frames = step(table, noise(table, 2), [(0, 1, True), (1, 1, True)])[0]
        copy = frames.copy()
        step(table, noise(table, 2, seed=5), [(0, 1, False), (1, 1, False)])
        np.testing.assert_array_equal(frames, copy)


def test_an_empty_table_is_refused(write_model: WriteModel) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        make_table(write_model(LSTM_LIKE), slots=0)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_the_bundled_model_does_not_see_its_batchmates(model_dir: Path, engine: str) -> None:
    table = make_table(model_dir / "encoder.onnx", engine)
    features = noise(table, 4)
    features[3] *= 100
    alone = [step(table, features[row : row + 1], [(row, 1, True)])[0][0] for row in range(3)]
    together = step(table, features, [(row, 2, True) for row in range(4)])[0]
    np.testing.assert_array_equal(together[:3], np.stack(alone))


@pytest.mark.parametrize(
    ("graph", "complaint"),
    [
        # What was exported for a batch of one by mistake, though it declares N.
        (
            LSTM_LIKE.replace("encoder_out = Add (mean, state_at_0)", "encoder_out = Expand (mean, one)")
            .replace("{", "<int64[3] one = {1, 1, 4}> {", 1)
            .replace(
                "mean = ReduceMean <axes: ints = [1]> (x)", "mean = ReduceMean <axes: ints = [0, 1]> (x)"
            ),
            r"must be float32 \[2, T', D\] for 2 streams, not float32 \[1, 1, 4\]",
        ),
        (
            LSTM_LIKE.replace("next_b = Add (state1, mean_at_1)", "next_b = Transpose (state1)"),
            r"state1 is float32 \[1, 2, 4\] for 2 streams, but comes back as next_b float32 \[4, 2, 1\]",
        ),
        (
            LSTM_LIKE.replace("sum = Add (state0, state1)", "sum = Reshape (state0, shape)").replace(
                "{", "<int64[3] shape = {1, 1, 4}> {", 1
            ),
            r"the encoder cannot run 2 stream\(s\)",
        ),
    ],
)
def test_graphs_that_do_not_do_what_they_declare(write_model: WriteModel, graph: str, complaint: str) -> None:
    with pytest.raises(EncoderModelError, match=complaint):
        make_table(write_model(graph))
