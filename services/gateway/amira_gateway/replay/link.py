"""A stream to one kind of service that outlives the replicas it runs on.

    writer ──► Link.write ──► log ──► call to the present replica ──► Link.read ──► reader
                               │                                        │ lost, or draining
                               └────────── replay ──► call to another ◄─┘

The reader finds out that a replica is lost and opens a stream at another one; a task of the link
then sends what the log holds while the reader already reads, for either would otherwise wait for the
other. The writer waits until that is done. When a replica only announces that it will stop, the other
one is opened first, and the stream is served meanwhile.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

import structlog
from google.protobuf.message import Message

from amira_core import errors
from amira_core.rpc.server import cancel_and_wait
from amira_core.tracing.stream import stream_trace
from amira_gateway import metrics
from amira_gateway.replay.log import ReplayLog
from amira_gateway.replicas.opening import open_on_any
from amira_gateway.replicas.replica import Replica
from amira_gateway.replicas.replica_set import ReplicaSet
from amira_gateway.service_call import ServiceCall

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT", bound=Message)  # with a oneof `response`, `draining` in it

MOST_FRUITLESS_REPLAYS = 4
"""Replays in a row that brought nothing new: audio that brings replicas down must not go round them all."""

_MOVE_AGAIN_S = 0.5

Connect = Callable[[Replica, RequestT], Awaitable[ServiceCall[RequestT, ResponseT]]]


class Link(Generic[RequestT, ResponseT]):
    """One stream's link to a frontend or a decoder; one task may read and one may write."""

    def __init__(
        self,
        replicas: ReplicaSet,
        log: ReplayLog[RequestT],
        connect: Connect[RequestT, ResponseT],
        recovery_timeout_s: float,
        session_log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        """`connect` opens a call with its first message and returns once the replica has taken the stream.

        `recovery_timeout_s` bounds the search for another replica; 0: a loss ends the stream.
        """
        self._replicas = replicas
        self._log = log
        self._connect = connect
        self._recovery_timeout_s = recovery_timeout_s
        self._session_log = session_log
        self._call: ServiceCall[RequestT, ResponseT] | None = None
        self._up_to_date = asyncio.Event()  # the present replica has been sent all that is in the log
        self._sending = asyncio.Lock()
        self._half_closed = False
        self._fruitless_replays = 0
        self._moving: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._defect: BaseException | None = None
        self.expects_answer = False
        """Set by the user while the service owes it a message."""
        self.on_replay: Callable[[], None] = lambda: None
        """Called when a replay begins, before anything of it can be read."""

    async def open(self, within_s: float = math.inf) -> None:
        """Opens the stream at one of the replicas.

        Raises:
            AmiraError: what it was refused with, or that no replica took it within `within_s` seconds.
        """
        self._call = await open_on_any(self._replicas, self._connect_to, within_s=within_s)
        self._log.replay()  # nothing yet
        self._up_to_date.set()

    async def write(self, request: RequestT) -> None:
        """Sends; waits while the service takes no more, and while another replica is being sought."""
        async with self._sending_in_order():
            self._log.append(request)
            await self._current.write(request)

    async def done_writing(self) -> None:
        """Half-closes."""
        async with self._sending_in_order():
            self._half_closed = True
            await self._current.done_writing()

    async def read(self) -> ResponseT | None:
        """The next message; None when the service ended the call with OK after the half-close.

        Raises:
            AmiraError: what the service refused with, or that it was lost and no other took the stream.
        """
        while True:
            call = self._current
            try:
                response = await call.read()
            except errors.AmiraError as error:
                self._raise_defect()
                if call is self._call:
                    await self._recover(call, error)
                continue
            if call is not self._call:
                continue  # another replica says it again
            if response is None:
                if self._half_closed:
                    return None
                await self._recover(call, call.lost("It ended the stream too early."))
            elif response.WhichOneof("response") == "draining":
                call.replica.drains()
                self._start_moving(call)
            else:
                return response

    def progressed(self) -> None:
        """What was read was new."""
        self._fruitless_replays = 0

    def give_up(self, error: errors.ServiceUnavailableError) -> None:
        """Counts the present replica as lost."""
        if self._call is not None:
            self._call.fail(error)

    @property
    def silent_since(self) -> float | None:
        """Monotonic time since when the present replica neither takes nor gives what it should."""
        return None if self._call is None else self._call.silent_since(self.expects_answer)

    @property
    def moved_at(self) -> float:
        """Monotonic time at which the present replica last took a message."""
        return self._current.moved_at

    @property
    def seeks(self) -> bool:
        """Whether writes wait: for another replica, or until it has been sent what came before."""
        return not self._up_to_date.is_set()

    async def close(self) -> None:
        """Ends the present call at once, and whatever the link was about."""
        await cancel_and_wait([*self._tasks])
        if self._call is not None:
            self._call.cancel()

    # -- finding another replica ---------------------------------------------------------------

    async def _recover(self, lost: ServiceCall[RequestT, ResponseT], error: errors.AmiraError) -> None:
        """Goes on at another replica. Raises `error` where that is impossible or no use."""
        self._up_to_date.clear()
        lost.cancel()
        lost.replica.lost(error)
        if not isinstance(error, errors.ServiceUnavailableError):
            raise error
        if self._moving is not None:
            await cancel_and_wait([self._moving])
        with metrics.recovering(self._replicas.service):
            call = await self._find_another(lost, error)
        self._go_on_at(call, cause=error.reason)

    async def _find_another(
        self, lost: ServiceCall[RequestT, ResponseT], error: errors.ServiceUnavailableError
    ) -> ServiceCall[RequestT, ResponseT]:
        self._fruitless_replays += 1
        if (
            self._recovery_timeout_s == 0
            or not self._log.replayable
            or self._fruitless_replays > MOST_FRUITLESS_REPLAYS
        ):
            raise error
        try:
            return await open_on_any(
                self._replicas,
                self._connect_to,
                avoid=(lost.replica.target,),
                recover_for_s=self._recovery_timeout_s,
            )
        except (errors.ServiceUnavailableError, errors.NoCapacityError) as failure:
            raise error from failure

    def _start_moving(self, call: ServiceCall[RequestT, ResponseT]) -> None:
        if self._moving is None and self._recovery_timeout_s > 0 and self._log.replayable:
            self._moving = self._spawn(self._move(call))

    async def _move(self, draining: ServiceCall[RequestT, ResponseT]) -> None:
        """Goes on at another replica once one takes the stream."""
        while True:
            try:
                call = await open_on_any(self._replicas, self._connect_to, avoid=(draining.replica.target,))
            except errors.AmiraError:
                self._log.unpin()
                await asyncio.sleep(_MOVE_AGAIN_S * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret
            else:
                self._moving = None
                self._go_on_at(call, cause=errors.DrainingError.reason)
                draining.cancel()
                return

    def _go_on_at(self, call: ServiceCall[RequestT, ResponseT], cause: str) -> None:
        before = self._current
        self._up_to_date.clear()
        self._call = call
        self.on_replay()
        places = {"before": before.replica.target, "after": call.replica.target}
        self._session_log.info("stream_moved", cause=cause, **places)
        stream_trace().event("moved", service=self._replicas.service, cause=cause, **places)
        stream_trace().keep("moved")
        metrics.moved(self._replicas.service, cause)
        self._spawn(self._replay(call))

    async def _replay(self, call: ServiceCall[RequestT, ResponseT]) -> None:
        async with self._sending:
            for request in self._log.replay():
                metrics.replayed(self._replicas.service)
                if not await call.write(request):
                    return
            if self._half_closed:
                await call.done_writing()
        if call is self._call:
            self._up_to_date.set()

    async def _connect_to(self, replica: Replica) -> ServiceCall[RequestT, ResponseT]:
        return await self._connect(replica, self._log.opening())

    # -- details -------------------------------------------------------------------------------

    @property
    def _current(self) -> ServiceCall[RequestT, ResponseT]:
        assert self._call is not None, "open() comes first"
        return self._call

    def _sending_in_order(self) -> _UpToDate:
        return _UpToDate(self._up_to_date, self._sending)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._defect = defect
            self._current.cancel()  # wakes the reader, who raises it

    def _raise_defect(self) -> None:
        if self._defect is not None:
            raise self._defect


class _UpToDate:
    """Holds the right to send once everything in the log has been sent.

    The lock is free whenever the event is set, so nothing can come between looking and taking it.
    """

    def __init__(self, up_to_date: asyncio.Event, sending: asyncio.Lock) -> None:
        self._up_to_date = up_to_date
        self._sending = sending

    async def __aenter__(self) -> None:
        while not self._up_to_date.is_set():
            await self._up_to_date.wait()
        await self._sending.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._sending.release()
