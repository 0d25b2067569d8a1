"""All sessions of this gateway, those among them whose client has no call at the moment."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import grpc
import structlog

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_core.log_context import bind_session
from amira_core.tracing.stream import stream_trace
from amira_gateway import metrics
from amira_gateway.access import current_identity, join
from amira_gateway.admission import Admission
from amira_gateway.session.client import Client, ClientGoneError
from amira_gateway.session.resume_token import ResumeTokens, lost
from amira_gateway.session.session import Session

_log = structlog.get_logger(__name__)


class Sessions:
    """Serves calls: each begins a session or goes on with one."""

    def __init__(self, admission: Admission, tokens: ResumeTokens, resume_window_s: float) -> None:
        self._admission = admission
        self._tokens = tokens
        self._resume_window_s = resume_window_s
        self._sessions: dict[str, Session] = {}
        self._expiring: dict[Session, asyncio.Task[None]] = {}

    @property
    def detached(self) -> int:
        """Sessions that wait for their clients."""
        return len(self._expiring)

    @property
    def all(self) -> Collection[Session]:
        """Those that hold a place."""
        return self._sessions.values()

    @property
    def any_resumable(self) -> bool:
        """Whether any client could go on with a session."""
        return any(session.resumable for session in self._sessions.values())

    async def begin(self, session: Session, client: Client) -> None:
        """Serves a call that begins a session, which has just been made. Raises as Session.serve does."""
        try:
            self._admission.add(session)
        except errors.AmiraError as error:
            await session.close(error.reason)
            raise
        self._sessions[session.session_id] = session
        await self._serve(session, client, None)

    async def resume(self, resume: speech_pb2.Resume, client: Client) -> None:
        """Serves a call that goes on with a session. Raises as Session.serve does."""
        try:
            session = self._find(resume)
        except errors.SessionLostError:
            metrics.RESUME_LOST.inc()
            raise
        bind_session(session.session_id)
        join(session.place)
        stream_trace().link(session.trace.traceparent)
        session.trace.resumed(stream_trace().traceparent)
        await self._serve(session, client, resume)

    async def close(self) -> None:
        """Ends the sessions that wait for their clients."""
        while self._expiring:
            session = next(iter(self._expiring))
            await self._end(session, errors.DrainingError.reason)

    async def _serve(self, session: Session, client: Client, resume: speech_pb2.Resume | None) -> None:
        self._stop_expiring(session)
        try:
            await session.serve(client, resume)
        except (errors.SessionTakenOverError, errors.SessionLostError) as error:
            if isinstance(error, errors.SessionLostError):
                metrics.RESUME_LOST.inc()
            self._keep_if_left(session)
            raise
        except (asyncio.CancelledError, ClientGoneError, grpc.aio.InternalError):  # grpc: the same as gone
            if session.resumable:
                self._keep_if_left(session)
            else:
                await self._end(session, "CANCELLED")
            raise
        except errors.AmiraError as error:
            await self._end(session, error.reason, error)
            raise
        except BaseException:
            await self._end(session, errors.InternalError.reason)
            raise
        await self._end(session, "OK")

    def _find(self, resume: speech_pb2.Resume) -> Session:
        session = self._sessions.get(self._tokens.session_id(resume.token))
        identity = current_identity()
        tenant = None if identity is None else identity.tenant
        if session is None or not session.resumable or session.owner != tenant:
            raise lost()
        return session

    def _keep_if_left(self, session: Session) -> None:
        """Gives a client that has no call any more the time to come back."""
        if session.attached or session in self._expiring or session.session_id not in self._sessions:
            return
        _log.info("stream_detached", session_id=session.session_id)
        session.trace.event("detached")
        name = f"expiry of {session.session_id}"
        self._expiring[session] = asyncio.create_task(self._expire(session), name=name)

    async def _expire(self, session: Session) -> None:
        await asyncio.sleep(self._resume_window_s)
        del self._expiring[session]
        await self._end(session, "CANCELLED")

    def _stop_expiring(self, session: Session) -> None:
        expiry = self._expiring.pop(session, None)
        if expiry is not None:
            expiry.cancel()

    async def _end(self, session: Session, status: str, cause: BaseException | None = None) -> None:
        """Frees all that the session holds."""
        self._stop_expiring(session)
        if self._sessions.pop(session.session_id, None) is None:
            return
        try:
            await session.close(status, cause)
        finally:
            self._admission.discard(session)
