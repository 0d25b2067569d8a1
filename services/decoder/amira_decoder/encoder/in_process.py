"""The encoder in the decoder's own process: for nodes without Triton, and for a while when Triton is gone."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from amira_core.errors import EncoderLostError, InternalError
from amira_decoder.encoder.base import EncoderBatch, EncoderGeometry, EncoderOutput
from amira_encoder.errors import EncoderModelError
from amira_encoder.options import EncoderOptions
from amira_encoder.slot_table import SlotTable
from amira_encoder.table_loader import load_slot_table

_log = structlog.get_logger(__name__)


class InProcessEncoder:
    """See :class:`amira_decoder.encoder.base.Encoder`. The engine works in one thread of its own."""

    name = "in-process"
    draining = False
    runs_other_model = False

    def __init__(
        self,
        model_dir: Path,
        slots: int,
        engine: str = "auto",
        threads: int = 0,
        precision: str = "auto",
        fingerprint: str = "",
    ) -> None:
        """`fingerprint` is that of the graph that the folder must hold; empty: any will do."""
        self.slots = slots
        self._options = EncoderOptions(model_dir, slots, engine, threads, precision)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self._fingerprint = fingerprint
        self._table: SlotTable | None = None

    @property
    def engine(self) -> str:
        """Engine and precision; empty before :meth:`connect`."""
        return self._table.runner.name if self._table else ""

    async def connect(self) -> EncoderGeometry:
        """Loads the model; raises EncoderModelError or EngineUnavailableError when it cannot."""
        loop = asyncio.get_running_loop()
        table = await loop.run_in_executor(self._executor, load_slot_table, self._options)
        if self._fingerprint not in ("", table.fingerprint):
            raise EncoderModelError(f"the encoder in {self._options.model_dir} is another one by now")
        self._table = table
        _log.info("encoder_in_process", engine=table.runner.name, threads=table.runner.threads)
        return table.geometry

    async def step(self, batch: EncoderBatch) -> EncoderOutput:
        """Runs one tick in the encoder's thread."""
        table = self._table
        if table is None:
            raise EncoderLostError("The encoder is not connected.")
        loop = asyncio.get_running_loop()
        try:
            frames, accepted = await loop.run_in_executor(
                self._executor, table.step, batch.features, batch.slots, batch.generations, batch.reset
            )
        except ValueError as error:
            raise InternalError(f"The encoder refused a batch: {error}") from error
        return EncoderOutput(frames, accepted)

    async def ready(self, has_streams: bool = False) -> bool:
        """Whether the model is loaded."""
        return self._table is not None

    async def close(self) -> None:
        """Ends the thread once its step, if any, is done."""
        self._table = None
        await asyncio.to_thread(self._executor.shutdown)
