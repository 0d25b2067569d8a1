"""The servicer's end of a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, NoReturn

import grpc

from amira_core.rpc.in_process.exchange import Exchange, as_metadata


class ServerContext(grpc.aio.ServicerContext[Any, Any]):
    """As grpc.aio's; also the request iterator of methods that have one."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._code = grpc.StatusCode.OK
        self._details = ""
        self._trailing: Any = ()
        self._aborted = False

    # -- messages --------------------------------------------------------------------------------

    async def read(self) -> Any:
        message = await self._exchange.requests.get()
        return grpc.aio.EOF if message is None else message

    async def write(self, message: Any) -> None:
        """Sends; waits while the caller has too much to read."""
        exchange = self._exchange
        if not exchange.began.is_set():
            exchange.begin(())
        if not await exchange.responses.put(message):
            await asyncio.sleep(0)  # the handler's cancellation, if it is the handler that writes
            raise grpc.aio.InternalError("the call is over")

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        message = await self._exchange.requests.get()
        if message is None:
            raise StopAsyncIteration
        return message

    # -- metadata and status ---------------------------------------------------------------------

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        self._exchange.begin(as_metadata(initial_metadata))

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Any = (),
    ) -> NoReturn:
        """Ends the call with a status. Raises AbortError, always."""
        if self._aborted:
            raise grpc.aio.UsageError("Abort already called!")
        self._aborted = True
        self._code = code
        self._details = details or self._details
        self._trailing = trailing_metadata or self._trailing
        self.finish()
        raise grpc.aio.AbortError("Locally aborted.")

    async def abort_with_status(self, status: grpc.Status) -> NoReturn:
        await self.abort(status.code, status.details, status.trailing_metadata)

    def finish(self) -> None:
        """Ends the call with the status that the handler has set; with OK where it set none."""
        self._exchange.finish(self._code, self._details, as_metadata(self._trailing))

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        self._trailing = trailing_metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._details = details

    def invocation_metadata(self) -> Any:
        return self._exchange.metadata

    def trailing_metadata(self) -> Any:
        return self._trailing

    def code(self) -> Any:
        return self._code

    def details(self) -> Any:
        return self._details

    # -- the call --------------------------------------------------------------------------------

    def cancelled(self) -> bool:
        return self._exchange.done and self._exchange.code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self._exchange.done

    def time_remaining(self) -> Any:
        return self._exchange.time_remaining_s

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._exchange.on_end(lambda: callback(self))

    def set_compression(self, compression: grpc.Compression) -> None:
        """Nothing is compressed here."""

    def disable_next_message_compression(self) -> None:
        """Nothing is compressed here."""

    # -- the other side --------------------------------------------------------------------------

    def peer(self) -> str:
        return "in-process"

    def peer_identities(self) -> Iterable[bytes] | None:
        return None

    def peer_identity_key(self) -> str | None:
        return None

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        return {}
