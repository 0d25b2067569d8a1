"""Streaming encoders run over a table of slots: numpy and an inference engine, nothing else.

Used inside Triton (``deploy/triton/encoder``) and, for development, inside the decoder.
"""

from amira_encoder.engine import Engine, open_engine
from amira_encoder.errors import EncoderModelError, EngineUnavailableError
from amira_encoder.geometry import EncoderGeometry
from amira_encoder.graph import EncoderGraph, StateTensor
from amira_encoder.options import EncoderOptions
from amira_encoder.slot_table import SlotTable
from amira_encoder.table_loader import load_slot_table

__all__ = [
    "EncoderGeometry",
    "EncoderGraph",
    "EncoderModelError",
    "EncoderOptions",
    "Engine",
    "EngineUnavailableError",
    "SlotTable",
    "StateTensor",
    "load_slot_table",
    "open_engine",
]
