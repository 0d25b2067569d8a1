"""Triton's python model of the encoder: a thin shell around amira_encoder's slot table.

What to load comes from the ``AMIRA_ENCODER_*`` environment variables (``deploy/triton/README.md``),
so this folder is the same in every installation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from amira_encoder import wire
from amira_encoder.options import EncoderOptions
from amira_encoder.slot_table import SlotTable
from amira_encoder.table_loader import load_slot_table

_INPUTS = (wire.FEATURES, wire.SLOTS, wire.GENERATIONS, wire.RESET)


class TritonPythonModel:
    """One instance, which owns the slot table."""

    def initialize(self, _args: dict[str, str]) -> None:
        """Loads the encoder; what goes wrong here becomes Triton's load error."""
        options = EncoderOptions.from_environment()
        self._table = load_slot_table(options)
        self._description = np.array(wire.describe(self._table.geometry, self._table.slots), np.int32)
        self._metrics = _Metrics(self._table)
        engine = self._table.engine
        pb_utils.Logger.log_info(
            f"encoder {options.model_dir.name}: {engine.name}, {engine.threads} threads, "
            f"{self._table.slots} slots, {self._table.geometry}"
        )

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answers each request by itself; an error in one never reaches another."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        try:
            features, slots, generations, reset = (
                pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in _INPUTS
            )
            frames, accepted = self._step(features, slots, generations, reset)
        except ValueError as error:
            return _refusal(str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception as error:  # noqa: BLE001 - raising would fail the whole batch of requests
            pb_utils.Logger.log_error(f"encoder step failed: {type(error).__name__}: {error}")
            return _refusal("the encoder failed on this batch", pb_utils.TritonError.INTERNAL)
        answers = {wire.ENCODER_OUT: frames, wire.ACCEPTED: accepted, wire.GEOMETRY: self._description}
        wanted = request.requested_output_names()
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(name, array) for name, array in answers.items() if name in wanted]
        )

    def _step(self, features: Any, slots: Any, generations: Any, reset: Any) -> tuple[Any, Any]:
        if slots.size == 0:
            geometry = self._table.geometry
            nothing = np.zeros((0, geometry.output_frames, geometry.output_dim), np.float32)
            return nothing, np.zeros(0, np.bool_)
        frames, accepted = self._table.step(features, slots, generations, reset)
        self._metrics.count(accepted)
        return frames, accepted


class _Metrics:
    """What Triton's own metrics do not say: rows, not only requests."""

    def __init__(self, table: SlotTable) -> None:
        self._table = table
        self._families: list[Any] = []  # a metric dies with its family
        counter, gauge = pb_utils.MetricFamily.COUNTER, pb_utils.MetricFamily.GAUGE
        self._ticks = self._metric("amira_encoder_ticks", "Batches run", counter)
        self._rows = self._metric("amira_encoder_rows", "Chunks encoded", counter)
        self._refused = self._metric("amira_encoder_rows_refused", "Chunks of unknown generations", counter)
        self._live = self._metric("amira_encoder_live_slots", "Slots that hold a state", gauge)

    def count(self, accepted: Any) -> None:
        """Counts one tick."""
        done = int(np.count_nonzero(accepted))
        self._ticks.increment(1)
        self._rows.increment(done)
        self._refused.increment(accepted.size - done)
        self._live.set(self._table.live_generations)

    def _metric(self, name: str, description: str, kind: Any) -> Any:
        family = pb_utils.MetricFamily(name=name, description=description, kind=kind)
        self._families.append(family)
        return family.Metric(labels={"model": wire.MODEL_NAME})


def _refusal(message: str, code: Any) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, code))
