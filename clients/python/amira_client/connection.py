"""One call to one server, with failures turned into this library's errors."""

from __future__ import annotations

import asyncio

import grpc

from amira.asr.v1.speech_pb2 import StreamingRecognizeRequest, StreamingRecognizeResponse
from amira_client.core_status import ServerStatus
from amira_client.errors import AmiraClientError, ServerError, from_rpc_error
from amira_client.servers import Server

Call = grpc.aio.StreamStreamCall[StreamingRecognizeRequest, StreamingRecognizeResponse]


class Connection:
    """One task may read and one may write. Failures come out of :meth:`read` only."""

    def __init__(self, call: Call, server: Server) -> None:
        self.server = server
        self._call = call
        self._status = ServerStatus(call)
        self._responses = aiter(call)

    async def read(self) -> StreamingRecognizeResponse | None:
        """The next response; None when the server ended the call with OK.

        Raises:
            ServerError: what the server, or the connection, ended the call with.
            AmiraClientError: a response that cannot be read.
        """
        try:
            response: StreamingRecognizeResponse | None = await anext(self._responses)
        except StopAsyncIteration:
            return None
        except grpc.aio.AioRpcError as failure:
            raise from_rpc_error(await self._status.failure(failure), self.server.peer) from failure
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            # grpc.aio reports the status CANCELLED as if this task had been cancelled.
            raise ServerError("The call was cancelled.", status=grpc.StatusCode.CANCELLED) from None
        if response is None:  # grpc's way to say that it cannot be deserialized
            self._call.cancel()
            raise AmiraClientError("A response cannot be read: is this an Amira server?")
        return response

    async def write(self, request: StreamingRecognizeRequest) -> bool:
        """Sends; waits while the server takes no more. False: the call is over; :meth:`read` says why."""
        try:
            await self._call.write(request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return False
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            return False
        except Exception:
            self._call.cancel()  # or senders would wait for ever
            raise
        return True

    async def done_writing(self) -> None:
        """Half-closes; does nothing once the call is over."""
        try:
            await self._call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return
        except asyncio.CancelledError:
            if _is_cancelled():
                raise

    def cancel(self) -> None:
        """Ends the call at once; does nothing once it is over."""
        self._call.cancel()


def _is_cancelled() -> bool:
    """Whether this task was cancelled, and not the call that it waits for: grpc raises the same for both."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
