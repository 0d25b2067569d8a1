"""`amira models check`: whether a model folder can serve, tried with the server's own code."""

from __future__ import annotations

import asyncio
import contextlib
import io
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from amira.asr.v1.config_pb2 import RecognitionConfig
from amira.frontend.v1.frontend_pb2 import AudioFormat
from amira_client import AmiraClientError
from amira_client.audio import open_audio
from amira_core.errors import AmiraError
from amira_core.rpc.server import cancel_and_wait
from amira_decoder.controls import End
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.frame_buffer import FRAME_MS, SILENCE_LOG_MEL
from amira_decoder.model import ModelFolderError
from amira_decoder.model.joint import JointNetwork
from amira_decoder.settings import DecoderSettings
from amira_encoder.errors import EncoderModelError, EngineUnavailableError
from amira_encoder.options import EncoderOptions
from amira_encoder.slot_table import SlotTable
from amira_encoder.table_loader import load_slot_table
from amira_frontend.fbank.tables import BINS
from amira_frontend.pipeline import FeatureStream
from amira_local.models.errors import ModelsError
from amira_local.models.report import Model, UnusableModelError, language_model_row

Frames = NDArray[np.float32]
Level = Literal["problem", "advice"]

BATCH = 8
_CHUNKS = 6
"""Chunks of each stream in the trial of batches."""
_TIMED_STEPS = 30
_TIMED_S = 4.0
_BYTE_LEVEL = range(0x100, 0x250)
"""Where byte-level BPE of icefall has the letters that stand for bytes."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    level: Level
    text: str
    remedy: str


@dataclass
class Trial:
    """What trying a model brought."""

    findings: list[Finding] = field(default_factory=list)
    measured: list[tuple[str, str]] = field(default_factory=list)
    """Names and values, for people."""

    def problem(self, text: str, remedy: str) -> None:
        """Adds something that keeps the model from serving well."""
        self.findings.append(Finding("problem", text, remedy))

    def advice(self, text: str, remedy: str) -> None:
        """Adds something to know."""
        self.findings.append(Finding("advice", text, remedy))

    @property
    def failed(self) -> bool:
        """Whether there was a problem."""
        return any(finding.level == "problem" for finding in self.findings)


@dataclass(frozen=True)
class How:
    """How to run the model."""

    engine: str = "auto"
    threads: int = 0
    search: Literal["auto", "k2", "beam", "greedy"] = "auto"


def try_model(model: Model, clip: Path, how: How) -> Trial:
    """Runs a model on a clip and looks at everything.

    Raises:
        ModelsError: the clip cannot be read, or the engine cannot be had.
        UnusableModelError: the model does not load.
    """
    trial, frames = Trial(), read_features(clip)
    _check_declaration(model, trial)
    _check_tokens(model, trial)
    options = EncoderOptions(model.folder.path, 2 * BATCH, how.engine, how.threads)
    try:
        table, joint = load_slot_table(options), JointNetwork(model.folder)
    except (EncoderModelError, ModelFolderError) as error:
        raise UnusableModelError(str(error)) from error
    except EngineUnavailableError as error:
        raise ModelsError(str(error)) from error
    trial.measured.append(("engine", f"{table.runner.name}, {table.runner.threads} thread(s)"))
    trial.measured.append(language_model_row(model))
    if table.geometry.output_dim != joint.dim:
        trial.problem(
            f"the encoder gives {table.geometry.output_dim} values a frame, but the joiner takes {joint.dim}",
            "take encoder, decoder and joiner from one export",
        )
    if trial.failed:
        return trial
    if table.runner.row_at_a_time:
        trial.advice(
            "streams are encoded one by one, because this model's rounding would mix them in a batch",
            "with many streams the fp32 export of the same model may be faster: compare the two here",
        )
    chunks = _windows(frames, model, BATCH + _CHUNKS)
    _check_numbers(table, chunks, trial)
    _check_batches(table, chunks, trial)
    _measure_speed(table, chunks, model, trial)
    if not trial.failed:
        _listen(model, frames, how, trial)
    return trial


def read_features(clip: Path) -> Frames:
    """A recording's log-mel frames [n, 80], as the frontend computes them. Raises ModelsError."""
    try:
        audio = open_audio(clip)
        stream = FeatureStream(
            AudioFormat(encoding=audio.encoding, sample_rate_hz=audio.sample_rate_hz, channels=audio.channels)
        )
        return np.concatenate([*(stream.accept(piece) for piece in audio.pieces()), stream.finish()])
    except (AmiraClientError, AmiraError, OSError) as error:
        raise ModelsError(f"The clip {clip} cannot be read: {error}") from error


def _check_declaration(model: Model, trial: Trial) -> None:
    geometry = model.geometry
    if geometry.feature_dim != BINS:
        trial.problem(
            f"the encoder wants {geometry.feature_dim} values a frame; the frontend computes {BINS}",
            f"use a model for {BINS}-bin fbank features",
        )
    if geometry.window_frames < geometry.chunk_frames:
        trial.problem(
            f"T={geometry.window_frames} is less than decode_chunk_len={geometry.chunk_frames}: "
            "audio would be skipped",
            "correct the encoder's metadata: T is what a step sees, decode_chunk_len what it moves on by",
        )
    if geometry.chunk_frames * FRAME_MS % geometry.output_frames:
        trial.advice(
            f"{model.chunk_ms} ms do not divide into {geometry.output_frames} encoder frames evenly",
            "word times will drift; check decode_chunk_len in the encoder's metadata",
        )
    if "model_type" not in model.graph.metadata:
        trial.advice("the encoder's metadata has no model_type", "Amira does not need it; sherpa-onnx does")


def _check_tokens(model: Model, trial: Trial) -> None:
    tokens = model.folder.tokens
    letters = [letter for piece in tokens.pieces for letter in piece.removeprefix("\u2581")]
    bytelike = sum(ord(letter) in _BYTE_LEVEL for letter in letters)
    if bytelike > len(letters) / 2:
        trial.problem(
            "the tokens are byte-level BPE, whose text would come out as placeholder letters",
            "use a model with characters, BPE or byte-fallback tokens",
        )
    if tokens.bpe is not None:
        known = set(tokens.pieces)
        pieces = [tokens.bpe.id_to_piece(number) for number in range(tokens.bpe.get_piece_size())]
        lacking = [piece for piece in pieces if piece not in known and not piece.startswith("<")]
        if len(lacking) > len(pieces) / 50:
            trial.advice(
                f"{len(lacking)} of bpe.model's {len(pieces)} pieces are not in tokens.txt",
                "hotwords may be refused: bpe.model and tokens.txt seem to be of two models",
            )


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


def _listen(model: Model, frames: Frames, how: How, trial: Trial) -> None:
    """The words of the whole clip, through the decoder's own core."""
    settings = DecoderSettings.model_validate(
        {
            "model_dir": model.folder.path,
            "encoder": "in_process",
            "in_process_slots": 1,
            "in_process_engine": how.engine,
            "in_process_threads": how.threads,
            "search": how.search,
        }
    )
    try:
        with _quiet():
            text, method = asyncio.run(_words(settings, frames))
    except OSError as error:
        raise ModelsError(str(error)) from error
    trial.measured.append(("search", method))
    trial.measured.append(("words", text or "(none)"))
    if not text:
        trial.advice(
            "no words were heard", "is the clip speech in the model's language? Name another one with --clip"
        )


async def _words(settings: DecoderSettings, frames: Frames) -> tuple[str, str]:
    decoder = StreamingDecoder(settings)
    ready = asyncio.Event()

    async def on_ready(_: bool) -> None:
        ready.set()

    running, waiting = asyncio.create_task(decoder.run(on_ready)), asyncio.create_task(ready.wait())
    feeding: asyncio.Task[None] | None = None
    try:
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        stream = await decoder.open_stream(RecognitionConfig())

        async def feed() -> None:
            for start in range(0, len(frames), 100):
                await stream.add_features(frames[start : start + 100].tobytes())
            stream.add_control(End())

        feeding = asyncio.create_task(feed())
        finals = [
            response.result.alternatives[0].text
            async for response in stream.responses()
            if response.HasField("result") and response.result.is_final
        ]
        decoder.close_stream(stream)
        return " ".join(text for text in finals if text), stream.tracker.search.name
    finally:
        await cancel_and_wait([task for task in (running, waiting, feeding) if task is not None])
        await decoder.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the decoder's log lines, which go to standard output."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
