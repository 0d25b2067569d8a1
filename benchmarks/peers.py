"""Which systems a run compares, and the settings of the peer that are tried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from amira_encoder.graph import read_graph
from amira_encoder.model_folder import find_encoder
from benchmarks.systems.amira import AmiraServer, AmiraStack
from benchmarks.systems.base import Server
from benchmarks.systems.sherpa import SherpaPython, SherpaServer, SherpaTuning, SherpaWebSocket

_FRAMES_PER_OUTPUT = 4  # of icefall's streaming encoders
LIKE_FOR_LIKE = "amira_greedy"
"""Greedy search on both sides: the row that the ratio is about."""
NODE, NODES = "amira_node_greedy", "amira_nodes_greedy"
"""The same with gateway, frontend and decoder in one process; in two, with the encoder within as well."""
DEFAULT = "amira_beam"
"""What an Amira server does when nobody asks for anything else, with this model."""
CPP, CPP_BEAM, PYTHON = "sherpa_cpp", "sherpa_cpp_beam", "sherpa_python"
LOOKED_AT_CLOSELY = (LIKE_FOR_LIKE, NODES, DEFAULT, CPP)
"""Those whose latency with one stream, and at three quarters of capacity, is of interest."""

TRIED: Sequence[SherpaTuning] = (
    SherpaTuning(),
    SherpaTuning(max_batch=16),
    SherpaTuning(max_batch=48),
    SherpaTuning(work_threads=3, max_batch=16),
    SherpaTuning(max_batch=16, loop_ms=3),
    SherpaTuning(encoder="fp32", max_batch=16),
    SherpaTuning(encoder="fp32", max_batch=48),
    SherpaTuning(encoder="fp32", work_threads=1, max_batch=48),
)
"""Both kinds of weights; the program's default batch and larger ones; other threads; a faster loop."""
TRIED_AT = (96, 144, 192)
KNOWN_BEST = SherpaTuning(max_batch=16)
"""For runs that have no time to try."""

# All streams to both: what a server refuses for its latency's sake is another question (benchmarks/overload).
NO_ADMISSION = {"AMIRA_DECODER_TARGET_LOAD": "0", "AMIRA_GATEWAY_MAX_LOOP_LAG_MS": "0"}


def geometry_of(model_dir: Path) -> tuple[int, int, int]:
    """Window, chunk and delay of the model's encoder in feature frames. Raises EncoderModelError."""
    graph = read_graph(find_encoder(model_dir))
    return graph.window_frames, graph.chunk_frames, graph.output_delay_frames * _FRAMES_PER_OUTPUT


def amira(model_dir: Path, methods: Sequence[str], geometry: tuple[int, int, int]) -> list[Server]:
    """Amira's searches, on one stack."""
    stack = AmiraStack(model_dir, env=NO_ADMISSION)
    return [AmiraServer(stack, method, geometry) for method in methods]


def amira_nodes(model_dir: Path, geometry: tuple[int, int, int]) -> list[Server]:
    """Amira's greedy search where gateway, frontend and decoder are one process, and two of these."""
    stacks = [AmiraStack(model_dir, env=NO_ADMISSION, nodes=nodes) for nodes in (1, 2)]
    return [AmiraServer(stack, "greedy", geometry) for stack in stacks]


def named(server: SherpaServer, name: str) -> SherpaServer:
    """The same server under a name that does not depend on its settings."""
    server.name = name
    return server


def candidates(model_dir: Path, geometry: tuple[int, int, int]) -> list[SherpaServer]:
    """The C++ server with each of the settings that are tried, told apart by title."""
    servers: list[SherpaServer] = []
    for tuning in TRIED:
        server = SherpaWebSocket(model_dir, tuning, geometry)
        server.title = f"sherpa-onnx C++, {tuning.long_title}"
        servers.append(server)
    return servers


def sherpa(model_dir: Path, tuning: SherpaTuning, geometry: tuple[int, int, int]) -> list[Server]:
    """sherpa-onnx with the best settings: C++ greedy and beam search, and Python."""
    beam = SherpaTuning(
        tuning.encoder, tuning.work_threads, tuning.max_batch, tuning.loop_ms, "modified_beam_search"
    )
    python = SherpaTuning(tuning.encoder, tuning.work_threads, max(tuning.max_batch, 50), tuning.loop_ms)
    return [
        named(SherpaWebSocket(model_dir, tuning, geometry), CPP),
        named(SherpaWebSocket(model_dir, beam, geometry), CPP_BEAM),
        named(SherpaPython(model_dir, python, geometry), PYTHON),
    ]
