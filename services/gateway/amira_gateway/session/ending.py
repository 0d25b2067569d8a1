"""The two ends that a stream comes to by time: its client has gone silent, or it has been open long enough.

Its client is warned before either. At the second the audio is taken to be complete, so that the words of
all that has come are said before the stream ends.
"""

from __future__ import annotations

import asyncio
import time

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_gateway.session.intake import Intake
from amira_gateway.session.outbound import Outbound, Outgoing
from amira_gateway.session.watch import watch
from amira_gateway.settings import GatewaySettings

_Warning = speech_pb2.StreamWarning


class Ending:
    """Watches one stream. Both watches run until they are cancelled."""

    def __init__(self, intake: Intake, outbound: Outbound, settings: GatewaySettings) -> None:
        self._intake = intake
        self._outbound = outbound
        self._idle_timeout_s = settings.idle_timeout_s
        self._max_stream_s = settings.max_stream_s
        self._lead_s = settings.warning_lead_s
        self._warned_of: float | None = None
        self.announced = False
        """Whether the client has been told of its session, which comes before anything else."""

    async def watch_idleness(self) -> None:
        """Raises IdleTimeoutError once the client has sent nothing for too long."""
        async with asyncio.TaskGroup() as watches:
            watches.create_task(watch(self._idle_since, self._idle_timeout_s, self._end_idle))
            if self._lead_s:
                warn_after_s = self._idle_timeout_s - self._lead_of(self._idle_timeout_s)
                watches.create_task(watch(self._unwarned_since, warn_after_s, self._warn_idle))

    async def watch_duration(self) -> None:
        """Ends the audio once the stream has been open for too long; :meth:`check` says so then."""
        if not self._max_stream_s:
            return
        began_at = time.monotonic()
        configured = await asyncio.shield(self._intake.configured)
        # What came before, at another gateway, counts.
        ends_at = began_at + self._max_stream_s - configured.beginning.audio_s
        if self._lead_s:
            await _until(ends_at - self._lead_of(self._max_stream_s))
            self._warn(_Warning.KIND_MAX_STREAM, ends_at - time.monotonic())
        await _until(ends_at)
        await self._intake.end()

    def check(self) -> None:
        """Raises StreamTooLongError where the stream's audio was ended here."""
        if self._intake.cut:
            raise errors.StreamTooLongError(
                f"The stream was open for {self._max_stream_s:g} s, as long as streams may be here: go on in "
                "a new one, with the audio from received_offset on."
            )

    def _idle_since(self) -> float | None:
        return self._intake.idle_since

    def _unwarned_since(self) -> float | None:
        since = self._intake.idle_since
        return None if since == self._warned_of or not self.announced else since

    def _warn_idle(self) -> None:
        since = self._warned_of = self._intake.idle_since
        if since is not None:
            self._warn(_Warning.KIND_IDLE, since + self._idle_timeout_s - time.monotonic())

    def _end_idle(self) -> None:
        raise errors.IdleTimeoutError(
            f"No message came for {self._idle_timeout_s:g} s: send audio, KEEP_ALIVE or END_OF_AUDIO."
        )

    def _warn(self, kind: speech_pb2.StreamWarning.Kind, left_s: float) -> None:
        if not self.announced:
            return
        response = speech_pb2.StreamingRecognizeResponse()
        response.warning.kind = kind
        response.warning.time_left.FromMilliseconds(max(0, round(left_s * 1000)))
        self._outbound.push(Outgoing(response))

    def _lead_of(self, limit_s: float) -> float:
        return min(self._lead_s, limit_s / 2)


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
