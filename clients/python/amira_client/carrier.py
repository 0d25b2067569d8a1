"""Carries one stream from server to server, so that its user sees a single unbroken one.

    send ──► queue ──► replay buffer ──► connection ──► deliver (what is new)
                            │               │ lost, or draining
                            └─ replay ──► connection to the same or another server

What the lost server had not said for good is in the replay buffer: the session is resumed where the server
still keeps it, otherwise begun anew at the last resume point.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc

from amira.asr.v1.result_pb2 import SessionInfo
from amira.asr.v1.speech_pb2 import (
    Resume,
    StreamingRecognizeRequest,
    StreamingRecognizeResponse,
)
from amira_client.connection import Connection
from amira_client.delivered import Delivered
from amira_client.errors import ServerError, UnreachableError
from amira_client.recovery import Plan, Recovery
from amira_client.replay_buffer import ReplayBuffer
from amira_client.resuming import MOST_FRUITLESS, may_pass
from amira_client.retrying import Pause
from amira_client.servers import Server, Servers
from amira_client.writer import FAREWELL_S, Writer, leave, say_farewell

_ATTEMPT_S = 5.0
_MOVE_AGAIN_S = 1.0

Pending = Callable[[], list[StreamingRecognizeRequest]]
"""What a connection must be sent before anything new; asked for once nobody writes elsewhere any more."""


class Carrier:
    """One stream. :meth:`run` reads; a task of it writes."""

    def __init__(
        self,
        servers: Servers,
        connect: Callable[[Server], Awaitable[Connection]],
        opening: StreamingRecognizeRequest,
        buffer: ReplayBuffer,
        take: Callable[[], Awaitable[StreamingRecognizeRequest]],
        deliver: Callable[[StreamingRecognizeResponse], Awaitable[None]],
        recovery: Recovery,
    ) -> None:
        """Args:
        servers: where to go.
        connect: opens a call, without sending anything of the stream.
        opening: the stream's first message.
        buffer: holds what `take` gave.
        take: waits for the next request of the user, which it has put into `buffer`.
        deliver: hands a response to the user.
        recovery: what to do when a server is lost, or takes no streams.
        """
        self._servers = servers
        self._connect = connect
        self._buffer = buffer
        self._take = take
        self._deliver = deliver
        self._recovery = recovery
        self._resumes = recovery.resuming is not None
        self._delivered = Delivered()
        self._session: SessionInfo | None = None
        self._sequence = 0
        self._fruitless = 0
        self._renewed = False
        self._can_resume = False
        self._writer: Writer | None = None
        self._farewells: set[asyncio.Task[None]] = set()
        self._connection: Connection | None = None
        # Its answer is not waited for: the audio may follow at once.
        self._pending: Pending = lambda: [opening]

    async def run(self) -> None:
        """Returns when a server has ended the stream with OK.

        Raises:
            AmiraClientError: why it ended; if it could not go on after a loss, the loss.
        """
        try:
            self._connection = await self._connect(self._servers.preferred)
            while True:
                try:
                    if await self._serve():
                        await self._finish_farewells()
                        return
                except ServerError as error:
                    self.cancel()
                    await self._recover(error)
        finally:
            self.cancel()
            for farewell in self._farewells:
                farewell.cancel()
            await asyncio.gather(*self._farewells, return_exceptions=True)

    @property
    def session(self) -> SessionInfo | None:
        """Who serves the stream; None until a server has answered."""
        return self._session

    async def abandon(self) -> bool:
        """Tells a server that would keep the session that nobody comes back; False where none would.

        Takes a second at most.
        """
        if self._session is None or not self._session.resume_token or self._writer is None:
            return False
        await say_farewell(self._present, self._writer)
        return True

    def cancel(self) -> None:
        """Ends the present call at once."""
        if self._connection is not None:
            self._connection.cancel()

    @property
    def _present(self) -> Connection:
        assert self._connection is not None, "there is a call before anything is read or lost"
        return self._connection

    # -- with one server -----------------------------------------------------------------------

    async def _serve(self) -> bool:
        """True: the server has ended the stream with OK. False: another one goes on."""
        connection = self._present
        writer = self._writer = Writer(connection, self._pending(), self._take, half_closes=not self._resumes)
        move_at: float | None = None
        try:
            while (response := await connection.read()) is not None:
                await self._handle(response)
                if self._resumes and response.HasField("draining"):
                    move_at = 0.0
                now = asyncio.get_running_loop().time()
                if move_at is not None and now >= move_at:
                    move_at = now + _MOVE_AGAIN_S
                    if await self._move():
                        await writer.stop(FAREWELL_S)
                        self._bid_farewell(connection, writer)
                        return False
            return True
        except BaseException:
            connection.cancel()
            raise
        finally:
            self._writer = None
            await writer.stop(0)

    async def _handle(self, response: StreamingRecognizeResponse) -> None:
        self._sequence = max(self._sequence, response.sequence)
        if response.HasField("resume_point"):
            self._buffer.settle(response.resume_point)
        kind = response.WhichOneof("response")
        if kind == "mark":
            self._buffer.mark_echoed()
        elif kind == "session":
            if not self._is_first(response):
                return
        elif kind == "draining" or kind is None:
            if self._resumes:
                return
        elif kind == "warning":
            pass  # nothing of the stream's own: a replay makes no progress by it
        elif not self._delivered.is_new(response):
            return
        else:
            self._fruitless, self._renewed = 0, False
        await self._deliver(response)

    def _is_first(self, response: StreamingRecognizeResponse) -> bool:
        """Takes note of who serves the stream now; says whether the user has yet to hear of a server."""
        first = self._session is None
        self._session = response.session
        self._servers.prefer(self._present.server)
        return first

    # -- from one to the next ------------------------------------------------------------------

    async def _move(self) -> bool:
        """Goes on at another server while the present one still serves; False where none takes the stream."""
        present = self._present
        if len(self._servers) == 1 or not self._buffer.replayable:
            return False
        for server in self._servers.in_turn(present.server)[1:]:
            try:
                await self._begin(server)
            except ServerError:
                continue
            return True
        return False

    async def _recover(self, error: ServerError) -> None:
        """Goes on at a server, or raises `error`."""
        self._fruitless += 1
        lost = self._present.server
        plan = self._plan(error, lost)
        self._can_resume = self._session is not None and bool(self._session.resume_token) and not error.reason
        give_up_at = asyncio.get_running_loop().time() + plan.for_s
        pause = Pause()
        pause.advise(error)
        candidates = plan.at_once
        while self._can_resume or self._buffer.replayable:
            for server in candidates:
                try:
                    if await self._go_on_at(server, lost):
                        return
                except ServerError as failure:
                    pause.advise(failure)
                    if not may_pass(failure) and not self._renews(failure):
                        raise error from failure
            delay_s = pause.next_s()
            if asyncio.get_running_loop().time() + delay_s > give_up_at:
                break
            await asyncio.sleep(delay_s)
            candidates = plan.later
        raise error

    def _plan(self, error: ServerError, lost: Server) -> Plan:
        """Raises `error` where the stream cannot go on."""
        if self._resumes and self._renews(error):
            return Plan([lost], [], 0.0)
        ask = self._recovery.after_refusal if self._session is None else self._recovery.after_loss
        plan = ask(error, self._servers, lost)
        if plan is None or self._fruitless > MOST_FRUITLESS:
            raise error
        return plan

    def _renews(self, error: ServerError) -> bool:
        """Once, until the stream gets on: a server may refuse every token."""
        if self._renewed or not self._recovery.renew(error):
            return False
        self._renewed = True
        return True

    async def _go_on_at(self, server: Server, lost: Server) -> bool:
        """False: what this server would need is not here. Raises ServerError."""
        if self._can_resume and server is lost:
            try:
                await self._resume(server)
            except ServerError as error:
                if error.reason != "SESSION_LOST":
                    raise
                self._can_resume = False
            else:
                return True
        if not self._buffer.replayable:
            return False
        await self._begin(server)
        return True

    async def _resume(self, server: Server) -> None:
        """Goes on with the session. Raises ServerError."""
        assert self._session is not None
        resume = Resume(token=self._session.resume_token, last_sequence=self._sequence)
        connection, first = await self._open(server, StreamingRecognizeRequest(resume=resume))
        offset, controls = first.session.resume_offset, first.session.resume_controls
        self._connection = connection
        self._pending = lambda: self._buffer.after(offset, controls)
        await self._handle(first)

    async def _begin(self, server: Server) -> None:
        """Begins a new session at the last resume point. Raises ServerError."""
        connection, first = await self._open(server, self._buffer.opening())
        self._connection = connection
        self._pending = self._buffer.begin_session
        self._delivered.rewind()
        self._sequence = 0
        await self._handle(first)

    async def _open(
        self, server: Server, opening: StreamingRecognizeRequest
    ) -> tuple[Connection, StreamingRecognizeResponse]:
        """A call that the server has taken, and its first response. Raises ServerError."""
        connection = await self._connect(server)
        try:
            async with asyncio.timeout(_ATTEMPT_S):
                await connection.write(opening)
                first = await connection.read()
            if first is None or not first.HasField("session"):
                raise ServerError("The server did not take the stream.", status=grpc.StatusCode.UNAVAILABLE)
        except TimeoutError:
            connection.cancel()
            raise UnreachableError(
                f"{server.peer.target} did not take the stream within {_ATTEMPT_S:g} s.",
                status=grpc.StatusCode.UNAVAILABLE,
            ) from None
        except BaseException:
            connection.cancel()
            raise
        return connection, first

    async def _finish_farewells(self) -> None:
        if self._farewells:
            await asyncio.wait(self._farewells, timeout=FAREWELL_S)

    def _bid_farewell(self, connection: Connection, writer: Writer) -> None:
        task = asyncio.create_task(leave(connection, writer), name="amira-farewell")
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)
