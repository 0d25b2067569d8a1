"""From options to a slot table that is warm."""

from __future__ import annotations

from pathlib import Path

from amira_encoder.batch_independence import RowByRow, is_batch_independent
from amira_encoder.engine import Engine, open_engine
from amira_encoder.errors import EncoderModelError
from amira_encoder.graph import EncoderGraph, read_graph
from amira_encoder.model_folder import find_encoder, fingerprint
from amira_encoder.options import EncoderOptions
from amira_encoder.slot_table import SlotTable


def load_slot_table(options: EncoderOptions) -> SlotTable:
    """Opens the model folder's encoder and makes the table; the encoder has run by then.

    The engine is the one asked for, unless batching would change results: with the precision left to
    ``auto`` the next exact enough one is taken then, otherwise rows are run one by one.

    Raises:
        EncoderModelError: the folder or the graph cannot be used.
        EngineUnavailableError: the engine cannot be had.
    """
    path = find_encoder(options.model_dir)
    before = fingerprint(path)
    graph = read_graph(path)
    engine = open_engine(path, options.engine, options.threads, options.precision)
    table = SlotTable(graph, engine, options.slots, before)
    if not (engine.row_at_a_time or is_batch_independent(graph, engine)):
        table = SlotTable(graph, _steadier(path, graph, engine, options), options.slots, before)
    if fingerprint(path) != before:
        raise EncoderModelError(f"{path} changed while it was loaded: load it once it is complete")
    return table


def _steadier(path: Path, graph: EncoderGraph, engine: Engine, options: EncoderOptions) -> Engine:
    if options.precision == "auto" and engine.name == "openvino int8":
        finer = open_engine(path, "openvino", options.threads, "bf16")
        if is_batch_independent(graph, finer):
            return finer
    return RowByRow(engine)
