"""Triton's python model of the encoder: a thin shell around amira_encoder's slot table.

How to run it comes from the ``AMIRA_ENCODER_*`` environment variables (``deploy/triton/README.md``), so
this folder is the same in every installation. Which model folder to load does, too, unless the model's
config has a parameter ``model_dir``: so a new version is loaded beside the one that runs.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from amira_encoder import wire
from amira_encoder.options import EncoderOptions
from amira_encoder.parent import end_with_parent
from amira_encoder.slot_table import SlotTable
from amira_encoder.table_loader import load_slot_table

_INPUTS = (wire.FEATURES, wire.SLOTS, wire.GENERATIONS, wire.RESET)


class TritonPythonModel:
    """One instance, which owns the slot table."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the encoder; what goes wrong here becomes Triton's load error."""
        end_with_parent()
        parameters = json.loads(args["model_config"]).get("parameters", {})
        options = EncoderOptions.from_environment()
        if "model_dir" in parameters:
            options = replace(options, model_dir=Path(parameters["model_dir"]["string_value"]))
        self._table = load_slot_table(options)
        self._use = _Use(options.drain_file)
        self._metrics = _Metrics(self._table, args["model_name"])
        engine = self._table.runner
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
            if slots.size == 0:
                self._use.note(request.request_id())
                answers = self._empty_answers()
            else:
                self._use.note(wire.HAS_STREAMS)
                frames, accepted = self._table.step(features, slots, generations, reset)
                self._metrics.count(accepted)
                answers = {wire.ENCODER_OUT: frames, wire.ACCEPTED: accepted}
        except ValueError as error:
            return _refusal(str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception as error:  # noqa: BLE001 - raising would fail the whole batch of requests
            pb_utils.Logger.log_error(f"encoder step failed: {type(error).__name__}: {error}")
            return _refusal("the encoder failed on this batch", pb_utils.TritonError.INTERNAL)
        wanted = request.requested_output_names()
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(name, array) for name, array in answers.items() if name in wanted]
        )

    def _empty_answers(self) -> dict[str, Any]:
        geometry = self._table.geometry
        description = wire.Description(
            geometry=geometry,
            slots=self._table.slots,
            fingerprint=self._table.fingerprint,
            engine=self._table.runner.name,
            draining=self._use.draining,
            unneeded_s=self._use.unneeded_s,
            without_streams_s=self._use.without_streams_s,
        )
        return {
            wire.ENCODER_OUT: np.zeros((0, geometry.output_frames, geometry.output_dim), np.float32),
            wire.ACCEPTED: np.zeros(0, np.bool_),
            wire.ABOUT: np.frombuffer(description.to_bytes(), np.uint8),
        }


class _Use:
    """Who uses the model, for whoever wants to unload it or to stop the server."""

    def __init__(self, drain_file: Path | None) -> None:
        self._drain_file = drain_file
        self._needed_at = time.monotonic()
        self._streams_at = float("-inf")

    def note(self, request_id: str) -> None:
        """A request came: a step, or one without rows whose id says how things are with its sender."""
        if request_id == wire.HAS_STREAMS:
            self._streams_at = self._needed_at = time.monotonic()
        elif request_id == wire.NEEDED:
            self._needed_at = time.monotonic()
            self._streams_at = float("-inf")

    @property
    def draining(self) -> bool:
        return self._drain_file is not None and self._drain_file.exists()

    @property
    def unneeded_s(self) -> float:
        return time.monotonic() - self._needed_at

    @property
    def without_streams_s(self) -> float:
        return min(time.monotonic() - self._streams_at, 1e9)  # JSON has no infinity


class _Metrics:
    """What Triton's own metrics do not say: rows, not only requests."""

    def __init__(self, table: SlotTable, model: str) -> None:
        self._table = table
        self._model = model
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
        return family.Metric(labels={"model": self._model})


def _refusal(message: str, code: Any) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, code))
