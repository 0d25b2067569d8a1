"""The streams that are open: each holds a slot, is told when the decoder drains, and is missed when it leaks.

A slot is lent in the same step in which its stream is noted here and taken back in the same step in
which it is forgotten, so a slot without a stream, or a stream whose call is long over, is a defect.
:meth:`LiveStreams.watch_slots` finds such slots, frees them and counts them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_decoder import metrics
from amira_decoder.load.admission import LoadAdmission
from amira_decoder.scheduler import Scheduler
from amira_decoder.slots import Slot, SlotPool
from amira_decoder.stream import DecodingStream

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Entry:
    stream: DecodingStream
    is_call_over: Callable[[], bool]
    seen_over: bool = False
    """Whether the last check found the call over: it may have ended that moment."""


class LiveStreams:
    """Lends slots to streams. Not thread-safe: belongs to one event loop."""

    def __init__(
        self, slots: SlotPool, scheduler: Scheduler, load_admission: LoadAdmission | None = None
    ) -> None:
        self.slots = slots
        self._load_admission = load_admission
        self._scheduler = scheduler
        self._entries: dict[str, _Entry] = {}
        self._changed = asyncio.Event()
        self._draining = False
        self._orphaned = 0

    @property
    def count(self) -> int:
        """Streams that are open."""
        return len(self._entries)

    @property
    def orphaned(self) -> int:
        """Slots that were found held by no stream so far."""
        return self._orphaned

    def check_admission(self, *, goes_on: bool = False) -> None:
        """Raises DrainingError or NoCapacityError when no stream can be opened now.

        `goes_on`: the stream runs already, elsewhere. It is taken as long as there are slots.
        """
        if self._draining:
            raise errors.DrainingError("This decoder is shutting down; open the stream at another one.")
        self.slots.check_free()
        if self._load_admission is not None and not goes_on:
            self._load_admission.check(self.count)

    def open(
        self,
        make_stream: Callable[[Slot], DecodingStream],
        is_call_over: Callable[[], bool],
        *,
        goes_on: bool = False,
    ) -> DecodingStream:
        """Lends a slot to the stream that `make_stream` gives, and lets it take part.

        Raises:
            NoCapacityError, DrainingError: as :meth:`check_admission`.
        """
        self.check_admission(goes_on=goes_on)
        slot = self.slots.allocate()
        try:
            stream = make_stream(slot)
        except BaseException:
            self.slots.release(slot)
            raise
        self._entries[stream.stream_id] = _Entry(stream, is_call_over)
        if self._load_admission is not None:
            self._load_admission.opened(stream.stream_id)
        self._scheduler.add(stream)
        return stream

    def close(self, stream: DecodingStream) -> None:
        """Takes the slot back, however the stream ended. Harmless when called twice."""
        self._scheduler.remove(stream)
        if self._load_admission is not None:
            self._load_admission.closed(stream.stream_id)
        self._entries.pop(stream.stream_id, None)
        self.slots.release(stream.slot)
        self._changed.set()

    async def drain(self, timeout_s: float) -> None:
        """Lets no stream in any more, tells the open ones, and waits until they have ended.

        Those that are open after `timeout_s` fail with DrainingError.
        """
        self._draining = True
        for entry in list(self._entries.values()):
            entry.stream.deliver([decoder_pb2.DecodeResponse(draining=decoder_pb2.Draining())], ended=False)
        try:
            async with asyncio.timeout(timeout_s):
                await self.until_none_is_left()
        except TimeoutError:
            _log.warning("drain_timeout", streams=self.count)
            for entry in list(self._entries.values()):
                entry.stream.fail(
                    errors.DrainingError("The decoder has shut down; open the stream at another one.")
                )

    async def watch_slots(self, interval_s: float) -> None:
        """Frees orphaned slots every `interval_s` seconds, until cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            self.free_orphans()

    def free_orphans(self) -> None:
        """Frees slots without a stream, and those of streams whose call was over at the last check too."""
        for entry in list(self._entries.values()):
            over = entry.is_call_over()
            if over and entry.seen_over:
                self._count_orphan(entry.stream.slot, "its call is over")
                self.close(entry.stream)
            entry.seen_over = over
        owned = {entry.stream.slot for entry in self._entries.values()}
        for slot in self.slots.lent():
            if slot not in owned:
                self._count_orphan(slot, "no stream has it")
                self.slots.release(slot)

    def _count_orphan(self, slot: Slot, problem: str) -> None:
        self._orphaned += 1
        metrics.SLOTS_ORPHANED.inc()
        _log.error("slot_orphaned", slot=slot.index, generation=slot.generation, problem=problem)

    async def until_none_is_left(self) -> None:
        """Waits until no stream is open."""
        while self._entries:
            self._changed.clear()
            await self._changed.wait()
