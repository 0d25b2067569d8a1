"""The encoder in its slot table: its numbers, its results alone and in a batch, its speed."""

from __future__ import annotations

import statistics
import time

import numpy as np
from numpy.typing import NDArray

from amira_decoder.frame_buffer import SILENCE_LOG_MEL
from amira_encoder.slot_table import SlotTable
from amira_local.models.check.trial import Trial
from amira_local.models.report import Model

Frames = NDArray[np.float32]

BATCH = 8
"""Streams of a batch."""
_CHUNKS = 6
"""Chunks of each stream in the trial of batches."""
_TIMED_STEPS = 30
_TIMED_S = 4.0


def try_encoder(table: SlotTable, frames: Frames, model: Model, trial: Trial) -> None:
    """Runs a clip's log-mel frames [n, 80] through a table of at least 2 BATCH slots."""
    chunks = _windows(frames, model, BATCH + _CHUNKS)
    _check_numbers(table, chunks, trial)
    _check_batches(table, chunks, trial)
    _measure_speed(table, chunks, model, trial)


def _windows(frames: Frames, model: Model, least: int) -> Frames:
    """The clip cut into steps [n, window_frames, feature_dim], repeated where it is too short."""
    size, step = model.geometry.window_frames, model.geometry.chunk_frames
    needed = size + (least - 1) * step
    long = np.concatenate([frames] * max(1, -(-needed // max(1, len(frames)))))
    count = (len(long) - size) // step + 1
    return np.stack([long[start * step : start * step + size] for start in range(count)])


class _Streams:
    """Streams in a slot table, each with its own place in the chunks."""

    def __init__(self, table: SlotTable, chunks: Frames) -> None:
        self._table = table
        self._chunks = chunks
        self._generation = 0

    def alone(self, stream: int, slot: int = 0) -> list[bytes]:
        """A stream's encoder frames, chunk by chunk, with the table to itself."""
        self._generation += 1
        return [
            self._step([(slot, stream, chunk)], self._generation)[0].tobytes() for chunk in range(_CHUNKS)
        ]

    def together(self, streams: int) -> list[list[bytes]]:
        """All streams', each beginning one step after the one before it."""
        self._generation += 1
        heard: list[list[bytes]] = [[] for _ in range(streams)]
        for time_step in range(_CHUNKS + streams - 1):
            rows = [
                (stream, stream, time_step - stream)
                for stream in range(streams)
                if 0 <= time_step - stream < _CHUNKS
            ]
            for (_, stream, _), frames in zip(rows, self._step(rows, self._generation), strict=True):
                heard[stream].append(frames.tobytes())
        return heard

    def _step(self, rows: list[tuple[int, int, int]], generation: int) -> Frames:
        frames, _ = self._table.step(
            np.stack([self._chunks[stream + chunk] for _, stream, chunk in rows]),
            np.array([slot for slot, _, _ in rows], np.int32),
            np.full(len(rows), generation, np.int64),
            np.array([chunk == 0 for _, _, chunk in rows]),
        )
        return frames


def _check_numbers(table: SlotTable, chunks: Frames, trial: Trial) -> None:
    """Speech, digital silence and noise at full scale must give numbers."""
    loud = np.random.default_rng(0).normal(10, 5, chunks.shape).astype(np.float32)
    for name, sound in (
        ("speech", chunks),
        ("digital silence", np.full_like(chunks, SILENCE_LOG_MEL)),
        ("loud noise", loud),
    ):
        for step, chunk in enumerate(sound[: 2 * _CHUNKS]):
            frames, _ = table.step(
                chunk[None], np.zeros(1, np.int32), np.ones(1, np.int64), np.array([step == 0])
            )
            if not np.isfinite(frames).all():
                trial.problem(
                    f"the encoder gives NaN or infinity for {name} (chunk {step + 1})",
                    "the weights or the export are broken; try precision f32, or export anew",
                )
                break


def _check_batches(table: SlotTable, chunks: Frames, trial: Trial) -> None:
    streams = _Streams(table, chunks)
    alone = [streams.alone(stream) for stream in range(BATCH)]
    mixed = sum(heard != alone[stream] for stream, heard in enumerate(streams.together(BATCH)))
    if mixed:
        trial.problem(
            f"{mixed} of {BATCH} streams come out otherwise in a batch than alone",
            "serve it with AMIRA_TRITON_ENGINE=onnxruntime, and please report it",
        )
    if streams.alone(0, slot=1) != alone[0] or streams.alone(0) != alone[0]:
        trial.problem(
            "a stream's result depends on who had its slot before",
            "the encoder keeps state of its own, or its results vary from run to run: export anew",
        )
    if not trial.failed:
        trial.measured.append(
            ("batching", f"{BATCH} streams at different positions: each bit for bit as alone")
        )


def _measure_speed(table: SlotTable, chunks: Frames, model: Model, trial: Trial) -> None:
    for rows in (1, BATCH):
        step_ms = _median_step_ms(table, chunks, rows)
        factor = step_ms / model.chunk_ms / rows
        trial.measured.append(
            (
                f"{rows} stream{'s' if rows > 1 else ''}",
                f"{step_ms:.1f} ms per step, real-time factor {factor:.3f} a stream "
                f"({1 / factor:.0f} times as fast as speech)",
            )
        )
        if rows == 1 and factor >= 1:
            trial.advice(
                f"slower than speech: a chunk of {model.chunk_ms} ms takes {step_ms:.0f} ms here",
                "give it more threads (--threads), a faster machine, or take a smaller model",
            )


def _median_step_ms(table: SlotTable, chunks: Frames, rows: int) -> float:
    slots, generations = np.arange(rows, dtype=np.int32), np.full(rows, 10**6 + rows, np.int64)
    times: list[float] = []
    begin = time.monotonic()
    while len(times) < _TIMED_STEPS and (len(times) < 3 or time.monotonic() - begin < _TIMED_S):
        batch = np.stack([chunks[(len(times) + row) % len(chunks)] for row in range(rows)])
        started = time.perf_counter()
        table.step(batch, slots, generations, np.full(rows, not times))
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times[1:])
