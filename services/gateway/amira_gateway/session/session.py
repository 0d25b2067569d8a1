"""One stream's life: the one writer to the client, its status, and its two lines in the log.

The conversation fills the outbound queue; whichever call is attached empties it. So what had been
produced before a failure reaches the client before the failure does, and a conversation can go on
while its client has no call: it waits once the queue is full.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress

import grpc
import structlog

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_core.log_context import bind_session
from amira_core.rpc.server import cancel_and_wait
from amira_core.tracing.stream import stream_trace
from amira_gateway import metrics
from amira_gateway.access import current_identity, take_place
from amira_gateway.services import Services
from amira_gateway.session.client import Client
from amira_gateway.session.conversation import Conversation
from amira_gateway.session.inlet import Inlet
from amira_gateway.session.intake import Intake
from amira_gateway.session.lag import LagTracker
from amira_gateway.session.outbound import Outbound, Outgoing
from amira_gateway.session.resume_token import ResumeTokens
from amira_gateway.session.sent import SentResponses
from amira_gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)

_OUTBOUND_CAPACITY = 64
_LAST_WRITE_S = 1.0
_LIVE_MARGIN_S = 1.0


class _Attachment:
    """One call's hold on the session."""

    def __init__(self, client: Client, stall_timeout_s: float) -> None:
        self._client = client
        self._stall_timeout_s = stall_timeout_s
        self._task = asyncio.current_task()
        self._writing = False
        self._revoked = False
        self.over = asyncio.Event()

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        """Sends. Raises ClientNotReadingError, or SessionTakenOverError once :meth:`revoke` was called."""
        self._writing = True
        try:
            async with asyncio.timeout(self._stall_timeout_s):
                await self._client.write(response)
        except TimeoutError:
            raise errors.ClientNotReadingError(
                f"The client took no result for {self._stall_timeout_s:g} s: read the results while sending "
                "audio."
            ) from None
        self._writing = False
        metrics.SENT.inc()
        if self._revoked:
            raise _taken_over()

    def revoke(self) -> None:
        """Another call takes over: this one's :meth:`Session.serve` raises SessionTakenOverError.

        A write is left some time to finish: where one is cut off, grpc sends no status after it.
        """
        assert self._task is not None
        self._revoked = True
        if self._writing:
            asyncio.get_running_loop().call_later(_LAST_WRITE_S, self._cancel)
        else:
            self._task.cancel()

    def was_revoked(self) -> bool:
        """Whether a cancellation that has just come was :meth:`revoke`'s alone; it is undone then."""
        return self._revoked and self._task is not None and self._task.uncancel() == 0

    def _cancel(self) -> None:
        if not self.over.is_set() and self._task is not None:
            self._task.cancel()


class Session:
    """Serves one client from its first message to the end of its last result."""

    def __init__(
        self,
        services: Services,
        settings: GatewaySettings,
        tokens: ResumeTokens,
        max_audio_s: float | None = None,
    ) -> None:
        """`max_audio_s` refuses longer audio with AudioTooLongError; None: no bound.

        Raises TenantLimitError.
        """
        self.session_id = uuid.uuid4().hex
        bind_session(self.session_id)
        self.place = take_place(self.session_id)
        """What the session holds of its tenant's share."""
        identity = current_identity()
        self.owner = None if identity is None else identity.tenant
        """Only this tenant's calls may go on with the session."""
        self._settings = settings
        self._tokens = tokens
        self._log = _log.bind(session_id=self.session_id)
        self._lag = LagTracker()
        self._outbound = Outbound(_OUTBOUND_CAPACITY)
        self._inlet = Inlet()
        self.intake = Intake(self._inlet, settings, self._lag, self.place)
        self._conversation = Conversation(
            self.session_id,
            self.intake,
            self._outbound,
            services,
            settings,
            self._lag,
            max_audio_s,
            self._log,
        )
        self._info: speech_pb2.StreamingRecognizeResponse | None = None
        self._sent: SentResponses | None = None
        self._draining: speech_pb2.StreamingRecognizeResponse | None = None
        self._attachment: _Attachment | None = None
        self._attaching = asyncio.Lock()
        self._began_at = time.monotonic()
        self.trace = stream_trace().begin("session", session_id=self.session_id)
        with self.trace.current():
            conversing = self._converse_and_close()
            self._conversing = asyncio.create_task(conversing, name=f"session {self.session_id}")

    @property
    def attached(self) -> bool:
        """Whether a call of the client's is being served, or about to be."""
        return self._attachment is not None or self._attaching.locked()

    @property
    def lag_s(self) -> float:
        """Audio received but not yet decoded, in seconds."""
        return self._lag.behind_s

    @property
    def resumable(self) -> bool:
        """Whether the client could go on in another call: it has a token."""
        return self._info is not None and self.intake.resumable

    async def serve(self, client: Client, resume: speech_pb2.Resume | None = None) -> None:
        """Serves a call; returns when the client has everything.

        Args:
            client: the call's end here.
            resume: what the call began with, where the session is older than the call.

        Raises:
            SessionLostError: what the client lacks is not kept; nothing has changed.
            SessionTakenOverError: another call goes on with the session.
            AmiraError: why the stream failed, after the client got what had been produced.
        """
        attachment = _Attachment(client, self._settings.client_stall_timeout_s)
        async with self._attaching:
            missed = self._missed(resume)
            if self._attachment is not None:
                self._attachment.revoke()
                await self._attachment.over.wait()
                missed = self._missed(resume)
            self._attachment = attachment
            self._inlet.attach(client)
        if resume is not None:
            metrics.RESUMED.inc()
        try:
            for response in missed:
                await attachment.write(response)
            while (item := await self._outbound.get()) is not None:
                await attachment.write(self._prepared(item))
        except asyncio.CancelledError:
            if attachment.was_revoked():
                raise _taken_over() from None
            raise
        finally:
            self._attachment = None
            self._inlet.attach(None)
            attachment.over.set()

    def fail(self, error: errors.AmiraError) -> None:
        """Ends the stream with `error` as soon as the client has what waits for it."""
        self._outbound.close(error)

    def drain(self, time_left_s: float) -> None:
        """Tells the client that the server will stop."""
        self._draining = speech_pb2.StreamingRecognizeResponse()
        self._draining.draining.time_left.FromMilliseconds(round(time_left_s * 1000))
        if self._info is not None:
            self._outbound.push(Outgoing(self._draining))

    async def close(self, status: str, cause: BaseException | None = None) -> None:
        """Ends the conversation, if it has not ended, and says in the log how the stream ended."""
        await cancel_and_wait([self._conversing])
        with suppress(errors.TenantLimitError):  # too late to refuse it
            self.intake.heard()
        self.place.close()
        self.trace.set(audio_s=round(self._lag.heard_s, 3))
        self.trace.ended_as(status)
        duration_s = time.monotonic() - self._began_at
        metrics.stream_ended(self._info is not None, status, duration_s)
        explanation = _explanation(cause)
        self._log.info(
            "stream_ended",
            status=status,
            **({"cause": explanation} if explanation else {}),
            duration_s=round(duration_s, 3),
            audio_s=round(self._lag.heard_s, 3),
        )

    # -- what goes to the client ---------------------------------------------------------------

    def _missed(self, resume: speech_pb2.Resume | None) -> list[speech_pb2.StreamingRecognizeResponse]:
        """The session as it stands, and what the client lacks."""
        if resume is None:
            return []
        if self._info is None or self._sent is None:
            raise errors.SessionLostError("The session has not begun: begin again with `config`.")
        missed = self._sent.after(resume.last_sequence)
        answer = speech_pb2.StreamingRecognizeResponse()
        answer.CopyFrom(self._info)
        answer.sequence = resume.last_sequence
        answer.received_offset = answer.session.resume_offset = self.intake.offset
        answer.session.resume_controls = self.intake.controls
        answer.session.resume_token = self._tokens.issue(self.session_id)
        # A client that has not got the session's first response has no token to be here with.
        return [answer, *missed]

    def _prepared(self, item: Outgoing) -> speech_pb2.StreamingRecognizeResponse:
        """A response with all that is known only when it leaves. Must not wait: nothing may be lost here."""
        response = item.response
        if response.HasField("session"):
            self._begin(response)
        response.received_offset = self.intake.offset
        response.lag.audio.FromNanoseconds(int(self._lag.behind_s * 1e9))
        latency_s = None
        if item.completed_at is not None and response.WhichOneof("response") == "result":
            latency_s = time.monotonic() - item.completed_at
            response.lag.server_latency.FromNanoseconds(int(latency_s * 1e9))
            self.trace.latency(latency_s, of_live_audio=self._is_live)
        assert self._sent is not None, "the session comes first"
        self._sent.append(response)
        metrics.response_leaves(response, latency_s, self._lag.behind_s, is_live=self._is_live)
        return response

    def _begin(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        response.session.trace_id = self.trace.trace_id
        if self.intake.resumable:
            response.session.resume_token = self._tokens.issue(self.session_id)
            response.session.resume_window.FromMilliseconds(round(self._settings.resume_window_s * 1000))
        metrics.stream_admitted()
        self._info = response
        self._sent = SentResponses() if self.intake.resumable else SentResponses(0)
        if self._draining is not None:
            self._outbound.push(Outgoing(self._draining))

    @property
    def _is_live(self) -> bool:
        """Whether audio comes no faster than it was spoken: a recording's results wait for one another."""
        return self._lag.heard_s <= time.monotonic() - self._began_at + _LIVE_MARGIN_S

    async def _converse_and_close(self) -> None:
        error: Exception | None = RuntimeError("the conversation was cancelled")
        try:
            await self._conversation.run()
            error = None
        except Exception as failure:  # noqa: BLE001 - `serve` raises it once the client has what came before
            error = _first(failure)
        finally:
            self._outbound.close(error)


def _taken_over() -> errors.SessionTakenOverError:
    return errors.SessionTakenOverError("The session goes on in another call of its client.")


def _explanation(error: BaseException | None) -> str | None:
    """What gRPC said of a service that was lost, for the operator."""
    failure = error.__cause__ if error is not None else None
    if not isinstance(error, errors.ServiceUnavailableError) or not isinstance(failure, grpc.aio.AioRpcError):
        return None
    return f"{failure.code().name}: {failure.details()}"


def _first(failure: Exception) -> Exception:
    """The failure that came first; task groups wrap theirs."""
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    return failure
