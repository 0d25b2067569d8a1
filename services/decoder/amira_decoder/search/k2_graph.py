"""Decoding graphs for k2: all tokens from every state, with the hotwords' boosts on the arcs.

k2 adds blank's self-loops by itself and takes the last state for the final one. No arc leads there:
where no state can end, k2 lets every state end (`allow_partial`), and final arcs that compete with
blank for room in the beam are saved. k2 wants a final arc to know the final state by, so one leaves
a state that nothing reaches.
"""

from __future__ import annotations

import k2
import numpy as np
import torch
from numpy.typing import NDArray

from amira_decoder.search.hotwords import HotwordAutomaton


def make_graph(next_state: NDArray[np.int32], earned: NDArray[np.float32]) -> k2.Fsa:
    """The acceptor of an automaton [states, V]: arcs for tokens 1 to V - 1 from each state."""
    states, vocab = next_state.shape
    tokens = vocab - 1
    arcs = np.empty((states * tokens + 1, 4), np.int32)
    arcs[:-1, 0] = np.repeat(np.arange(states, dtype=np.int32), tokens)
    arcs[:-1, 1] = next_state[:, 1:].ravel()
    arcs[:-1, 2] = np.tile(np.arange(1, vocab, dtype=np.int32), states)
    arcs[:-1, 3] = np.ascontiguousarray(earned[:, 1:]).view(np.int32).ravel()
    arcs[-1] = (states, states + 1, -1, 0)
    return k2.Fsa(torch.from_numpy(arcs))


def graph_of(hotwords: HotwordAutomaton) -> k2.Fsa:
    """The automaton's graph, made once."""
    graph = hotwords.memo.get("k2_graph")
    if graph is None:
        graph = hotwords.memo["k2_graph"] = make_graph(hotwords.next_state, hotwords.earned)
    return graph
