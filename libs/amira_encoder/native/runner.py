"""The encoder over a table of slots, whose states stay where they are.

The file says little of what its graph computes, so before a network is trusted, its first chunks are
compared with onnxruntime's.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_encoder.engine import open_engine
from amira_encoder.errors import EncoderModelError
from amira_encoder.geometry import EncoderGeometry
from amira_encoder.graph import EncoderGraph
from amira_encoder.native.attention import DIM
from amira_encoder.native.head import HeadWork, head_work, run_head
from amira_encoder.native.layers import LayerWork, layer_states, layer_work, run_layers
from amira_encoder.native.network import FRAMES_PER_STEP, OUTPUT_DIM, read_network, shape_of
from amira_encoder.native.products import blank_results
from amira_encoder.native.stem import BINS, HISTORY_FRAMES, StemWork, run_stem, stem_work

Floats = NDArray[np.float32]
Slots = NDArray[np.int32]

BLOCK = 16
"""Streams that are worked on together: what is between two products stays in the second cache then."""


_COMPARED_CHUNKS = 3
_LARGEST_DIFFERENCE = 0.06
"""Of the results' own size; rounding to int8 makes 0.03 of it, other rotary angles made 0.12."""


class _Workspace(NamedTuple):
    """Everything between input and output; one for each thread."""

    stem: StemWork
    x: Floats
    layers: LayerWork
    head: HeadWork


class NativeRunner:
    """See :class:`amira_encoder.runner.Runner`; for encoders that :mod:`amira_training` made."""

    name = "amira int8"
    row_at_a_time = False

    def __init__(self, graph: EncoderGraph, slots: int, threads: int) -> None:
        """Raises EncoderModelError for a graph of another architecture."""
        self.slots = slots
        self.threads = threads
        self.geometry = EncoderGeometry(
            window_frames=graph.window_frames,
            chunk_frames=graph.chunk_frames,
            feature_dim=graph.feature_dim,
            output_frames=graph.chunk_frames // FRAMES_PER_STEP,
            output_dim=OUTPUT_DIM,
            output_delay_frames=graph.output_delay_frames,
        )
        self._shape = shape_of(graph)
        self._network = read_network(graph.path, self._shape)
        self._frames = np.zeros((slots, HISTORY_FRAMES, BINS), np.float32)
        self._states = layer_states(slots, self._shape.history)
        self._workspaces = [self._workspace() for _ in range(threads)]
        self._pool = ThreadPoolExecutor(threads, "encoder") if threads > 1 else None
        self._compare(graph)

    @property
    def bytes_per_slot(self) -> int:
        """Mostly keys and values, in bfloat16."""
        return sum(state.nbytes for state in (self._frames, *self._states)) // self.slots

    def advance(self, features: Floats, slots: Slots, fresh: NDArray[np.bool_]) -> Floats:
        """Advances n streams by one chunk."""
        self._forget(slots[fresh])
        features, slots = np.ascontiguousarray(features), np.ascontiguousarray(slots)
        out = np.empty((len(slots), self._shape.chunk, OUTPUT_DIM), np.float32)
        if self._pool is None or len(slots) == 1:
            self._advance_part(self._workspaces[0], features, slots, out)
            return out
        bounds = np.linspace(0, len(slots), min(self.threads, len(slots)) + 1).astype(int)
        running = [
            self._pool.submit(self._advance_part, work, features[start:end], slots[start:end], out[start:end])
            for work, start, end in zip(self._workspaces, bounds[:-1], bounds[1:], strict=False)
        ]
        for part in running:
            part.result()
        return out

    def _compare(self, graph: EncoderGraph) -> None:
        """Raises EncoderModelError when the graph computes something else, which only running it can show."""
        noise = np.random.default_rng(0)
        shape = (1, graph.window_frames, graph.feature_dim)
        slot, exact = np.zeros(1, np.int32), open_engine(graph.path, "onnxruntime", 1, "f32")
        inputs, difference, spread = graph.zero_inputs(1), 0.0, 0.0
        for chunk in range(_COMPARED_CHUNKS):
            features = (noise.standard_normal(shape, np.float32) * 4 - 8).astype(np.float32)
            results = exact.run({**inputs, graph.features_name: features})
            inputs = {s.name: np.array(results[s.result_name]) for s in graph.states if s.result_name}
            own = self.advance(features, slot, np.array([chunk == 0]))
            difference += float(np.square(own - results[graph.output_name]).sum())
            spread += float(np.square(results[graph.output_name]).sum())
        self._forget(slot)
        if not difference < _LARGEST_DIFFERENCE**2 * spread:
            raise EncoderModelError(f"{graph.path} has the weights of Amira's recipe, but another graph")

    def _advance_part(self, work: _Workspace, features: Floats, slots: Slots, out: Floats) -> None:
        for first in range(0, len(slots), BLOCK):
            block = slice(first, first + BLOCK)
            run_stem(self._network.stem, work.stem, self._frames, features[block], slots[block], work.x)
            run_layers(
                self._network.layers, work.layers, self._states, slots[block], self._shape.chunk, work.x
            )
            run_head(self._network.head, work.head, self._states.seen, slots[block], work.x, out[block])

    def _forget(self, slots: Slots) -> None:
        for state in (self._frames, *self._states):
            state[slots] = 0

    def _workspace(self) -> _Workspace:
        chunk = self._shape.chunk
        return _Workspace(
            stem=stem_work(BLOCK, self.geometry.window_frames, (DIM, 2 * DIM)),
            x=blank_results(BLOCK * chunk, DIM),
            layers=layer_work(BLOCK, chunk, self._shape.history),
            head=head_work(BLOCK * chunk, self._network.head),
        )
