"""One streaming call to one replica, with failures turned into Amira's errors."""

from __future__ import annotations

import asyncio
import time
from typing import Generic, TypeVar

import grpc

from amira_core import errors
from amira_core.aio.cancellation import this_task_is_cancelled
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.status import from_rpc_error
from amira_gateway.replicas.replica import Replica

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class ServiceCall(Generic[RequestT, ResponseT]):
    """One task may read and one may write.

    Failures come out of :meth:`read` only, after everything that the service sent before it failed.
    """

    def __init__(
        self,
        call: grpc.aio.StreamStreamCall[RequestT, ResponseT],
        replica: Replica,
        lost: type[errors.ServiceUnavailableError],
    ) -> None:
        self._call = DuplexCall(call)
        self.replica = replica
        self._lost = lost
        self._writing_since: float | None = None
        self._heard_at = time.monotonic()
        self._failure: errors.AmiraError | None = None
        self.moved_at = time.monotonic()
        """Monotonic time at which the service last took a message."""

    def silent_since(self, expects_answer: bool) -> float | None:
        """Monotonic time since when the service neither takes nor gives what it should; None: it does."""
        if self._failure is not None:
            return None
        if self._writing_since is not None:
            return self._writing_since
        return max(self._heard_at, self.moved_at) if expects_answer else None

    async def write(self, request: RequestT) -> bool:
        """Sends; waits while the service takes no more. False: the call is over; :meth:`read` says why."""
        self._writing_since = time.monotonic()
        try:
            return await self._call.write(request)
        except asyncio.CancelledError:
            if this_task_is_cancelled():
                raise
            return False
        finally:
            self._writing_since = None
            self.moved_at = time.monotonic()

    async def done_writing(self) -> None:
        """Half-closes; does nothing once the call is over."""
        try:
            await self._call.done_writing()
        except asyncio.CancelledError:
            if this_task_is_cancelled():
                raise

    async def read(self) -> ResponseT | None:
        """The next message; None when the service ended the call with OK.

        Raises:
            AmiraError: what the service refused with, the `lost` error when it is gone, or what
                :meth:`fail` was given.
        """
        try:
            response = await self._call.read()
        except grpc.aio.AioRpcError as failure:
            raise self._failure or from_rpc_error(failure, self._lost) from failure
        except asyncio.CancelledError:
            if this_task_is_cancelled():
                raise
            raise self._failure or self.lost("The call was given up.") from None
        self._heard_at = time.monotonic()
        return response

    def lost(self, what: str) -> errors.ServiceUnavailableError:
        """The error for a service that does not keep its protocol."""
        return self._lost(f"{what} Open a new stream.")

    def fail(self, error: errors.AmiraError) -> None:
        """Ends the call with `error`, for the reader."""
        self._failure = error
        self._call.cancel()

    def cancel(self) -> None:
        """Ends the call at once, so that the service frees what it holds. Does nothing once it is over."""
        self._call.cancel()
