"""From options to a slot table that is warm."""

from __future__ import annotations

from importlib.util import find_spec

from amira_encoder.batch_independence import RowByRow, is_batch_independent
from amira_encoder.cpu import engine_threads, has_int8_products
from amira_encoder.engine import Engine, open_engine
from amira_encoder.errors import EncoderModelError, EngineUnavailableError
from amira_encoder.graph import EncoderGraph, read_graph
from amira_encoder.graph_runner import GraphRunner
from amira_encoder.model_folder import find_encoder, fingerprint
from amira_encoder.options import EncoderOptions
from amira_encoder.runner import Runner
from amira_encoder.slot_table import SlotTable

OWN_ENGINE = "amira"


def load_slot_table(options: EncoderOptions) -> SlotTable:
    """Opens the model folder's encoder and makes the table; the encoder has run by then.

    Amira's own kernels run encoders of its own training recipe, where the CPU has what they need; engines
    run all others. With the engine or the precision left to ``auto``, whatever would make a stream's
    result depend on its batch is not taken.

    Raises:
        EncoderModelError: the folder or the graph cannot be used.
        EngineUnavailableError: the engine cannot be had.
    """
    path = find_encoder(options.model_dir)
    before = fingerprint(path)
    table = SlotTable(_runner(read_graph(path), options), before)
    if fingerprint(path) != before:
        raise EncoderModelError(f"{path} changed while it was loaded: load it once it is complete")
    return table


def _runner(graph: EncoderGraph, options: EncoderOptions) -> Runner:
    if options.engine == OWN_ENGINE:
        return _native(graph, options)
    if options.engine == "auto" and options.precision in ("auto", "int8"):
        try:
            return _native(graph, options)
        except (EncoderModelError, EngineUnavailableError):
            pass  # another recipe's encoder, or another CPU
    engine = open_engine(graph.path, options.engine, options.threads, options.precision)
    runner = GraphRunner(graph, engine, options.slots)
    if engine.row_at_a_time or is_batch_independent(graph, engine):
        return runner
    return GraphRunner(graph, _steadier(graph, engine, options), options.slots)


def _native(graph: EncoderGraph, options: EncoderOptions) -> Runner:
    if options.precision not in ("auto", "int8"):
        raise EngineUnavailableError(f"the engine {OWN_ENGINE} multiplies int8, not {options.precision}")
    if not has_int8_products():
        raise EngineUnavailableError(f"the engine {OWN_ENGINE} needs a CPU with AVX512-VNNI: use auto")
    for package in ("numba", "onnx"):
        if find_spec(package) is None:
            raise EngineUnavailableError(f"the engine {OWN_ENGINE} needs {package}: pip install {package}")
    from amira_encoder.native.runner import NativeRunner

    return NativeRunner(graph, options.slots, options.threads or engine_threads())


def _steadier(graph: EncoderGraph, engine: Engine, options: EncoderOptions) -> Engine:
    if options.precision == "auto" and engine.name == "openvino int8":
        finer = open_engine(graph.path, "openvino", options.threads, "bf16")
        if is_batch_independent(graph, finer):
            return finer
    return RowByRow(engine)
