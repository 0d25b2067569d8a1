"""Which lane a stream gets, and when a lane ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from amira_core import errors
from amira_core.rpc.server import cancel_and_wait
from amira_decoder.lane import Lane
from amira_decoder.stream import DecodingStream

_log = structlog.get_logger(__name__)


class Lanes:
    """The lanes of a decoder. Not thread-safe: belongs to one event loop."""

    def __init__(self, keep_s: float = 0.0) -> None:
        self.keep_s = keep_s
        """How long a lane that was superseded stays after its last stream."""
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[Lane, asyncio.Task[None]] = {}
        self._of_stream: dict[str, Lane] = {}
        self._orphaned_before = 0
        self.degraded_streams_opened = 0
        """All streams so far that were opened in lanes that stand in for Triton."""
        self._changed = asyncio.Event()
        self.primary: Lane | None = None
        """The lane for new streams; None until the encoder has answered for the first time."""
        self.standby: Lane | None = None
        """The lane for new streams while the primary one is not available; None: there is none."""

    @property
    def all(self) -> list[Lane]:
        """Every lane that streams may be in."""
        return list(self._running)

    @property
    def current(self) -> Lane | None:
        """The lane that a new stream gets; None: there is none for it now."""
        for lane in (self.primary, self.standby):
            if lane is not None and lane.available:
                return lane
        return None

    @property
    def orphaned(self) -> int:
        """Slots that were found held by no stream so far, in all lanes that there have been."""
        return self._orphaned_before + sum(lane.live.orphaned for lane in self._running)

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """`tasks` runs the lanes from now on; it ends with the first that fails."""
        self._tasks = tasks

    def add(self, lane: Lane) -> None:
        """Runs a lane."""
        assert self._tasks is not None, "start() comes first"
        lane.on_change = self.changed
        lane.load_admission.elsewhere = lambda: sum(
            other.load for other in self._running if other is not lane
        )
        self._running[lane] = self._tasks.create_task(lane.run())
        self.changed()

    def make_primary(self, lane: Lane) -> None:
        """New streams use `lane`; the one before ends some time after its last stream."""
        before, self.primary = self.primary, lane
        if before is not None:
            self.retire(before, self.keep_s)
        self.changed()

    def retire(self, lane: Lane, keep_s: float = 0.0) -> None:
        """The lane ends `keep_s` after its last stream. New streams must not get it any more."""
        assert self._tasks is not None
        self._tasks.create_task(self._end_when_unused(lane, keep_s))

    def choose(self, version: str = "") -> Lane:
        """The lane for a new stream, or for one that goes on with this version of the model.

        Raises:
            EncoderLostError: no encoder can be reached.
            NoCapacityError: no lane has the version.
        """
        current = self.current
        if version and (current is None or current.model.version != version):
            having = [lane for lane in self._running if lane.model.version == version]
            if not having:
                raise errors.NoCapacityError("This decoder runs another version of the model.")
            current = next((lane for lane in having if lane.available), None)
        if current is None:
            raise errors.EncoderLostError("The encoder is restarting; try again shortly.")
        return current

    def note(self, stream: DecodingStream, lane: Lane) -> None:
        """The stream was opened in `lane`."""
        self._of_stream[stream.stream_id] = lane
        self.degraded_streams_opened += lane.degraded

    def of(self, stream: DecodingStream) -> Lane | None:
        """The lane of an open stream."""
        return self._of_stream.get(stream.stream_id)

    def close_stream(self, stream: DecodingStream) -> None:
        """Frees the stream's slot. Harmless when called twice."""
        lane = self._of_stream.pop(stream.stream_id, None)
        if lane is not None:
            lane.live.close(stream)

    def changed(self) -> None:
        """Whoever waits in :meth:`until` looks again."""
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until a condition on the lanes holds."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def drain(self, timeout_s: float) -> None:
        """Lets no stream in any more, tells the open ones, and waits for them; then they fail."""
        await asyncio.gather(*(lane.live.drain(timeout_s) for lane in self._running))

    async def close(self) -> None:
        """Lets go of the encoders. The lanes must not run any more."""
        for lane in self._running:
            await lane.encoder.close()
        self._running.clear()

    async def _end_when_unused(self, lane: Lane, keep_s: float) -> None:
        await lane.until_unused()
        while keep_s:
            await asyncio.sleep(keep_s)
            if not lane.in_use:
                break
            await lane.until_unused()
        if lane in (self.primary, self.standby) or lane not in self._running:
            return  # it is wanted again, or was retired twice
        task = self._running.pop(lane)
        self._orphaned_before += lane.live.orphaned
        await cancel_and_wait([task])
        if not any(other.encoder is lane.encoder for other in self._running):
            await lane.encoder.close()
        _log.info("lane_ended", model_version=lane.model.version, encoder=lane.encoder.name)
