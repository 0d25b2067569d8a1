"""From options to a slot table that is warm."""

from __future__ import annotations

from amira_encoder.engine import open_engine
from amira_encoder.graph import read_graph
from amira_encoder.model_folder import find_encoder
from amira_encoder.options import EncoderOptions
from amira_encoder.slot_table import SlotTable


def load_slot_table(options: EncoderOptions) -> SlotTable:
    """Opens the model folder's encoder and makes the table; the encoder has run once by then.

    Raises:
        EncoderModelError: the folder or the graph cannot be used.
        EngineUnavailableError: the engine cannot be had.
    """
    path = find_encoder(options.model_dir)
    graph = read_graph(path)
    engine = open_engine(path, options.engine, options.threads, options.precision)
    return SlotTable(graph, engine, options.slots)
