"""The stream of amira.asr.v1.Speech over a WebSocket, resume included.

A client offers the subprotocol ``amira.asr.v1.json`` (default) or ``amira.asr.v1.proto`` (``codec.py``)
and sends what it would send over gRPC: `config` or `resume` first, audio, controls. In both forms the
server's last message is the text ``{"status": {"code": "OK"}}``, or what went wrong as in ``failures.py``;
then it closes with 1000, or with 4000 and the HTTP status of the error. A message beyond the limit is
answered with 1009. A connection that the client closes or loses earlier is a call that was lost.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from amira_core import errors
from amira_core.aio.cancellation import this_task_is_cancelled
from amira_core.incidents import reported
from amira_core.rpc.server import cancel_and_wait
from amira_core.tracing.process import incoming_trace
from amira_core.tracing.stream import stream_trace
from amira_gateway.access import Door, Scope
from amira_gateway.server import SpeechServicer
from amira_gateway.session.client import ClientGoneError
from amira_gateway.web.calls import credentials_of, offered_protocols, record_of
from amira_gateway.web.codec import choose_codec
from amira_gateway.web.origins import Origins
from amira_gateway.web.socket_client import SocketClient

PATH = "/v1/stream"

_CLOSE_S = 2.0
_METHOD = "amira.asr.v1.Speech/StreamingRecognize"


class SpeechSocket:
    """Serves WebSockets."""

    def __init__(self, speech: SpeechServicer, door: Door, origins: Origins, max_message_bytes: int) -> None:
        self._speech = speech
        self._door = door
        self._origins = origins
        self._max_message_bytes = max_message_bytes

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """A handler for aiohttp. Raises AmiraError where the request is refused before it is a WebSocket."""
        with incoming_trace(_METHOD, request.headers.items()) as trace, trace.current():
            return await self._handle(request)

    async def _handle(self, request: web.Request) -> web.WebSocketResponse:
        self._origins.check(request)
        with self._door.call(record_of(request, PATH), credentials_of(request), Scope.RECOGNIZE) as record:
            codec = choose_codec(offered_protocols(request))
            socket = web.WebSocketResponse(
                timeout=_CLOSE_S,
                protocols=(codec.protocol,),
                compress=False,  # audio does not get smaller, and what inflates is hard to bound
                max_msg_size=self._max_message_bytes,
            )
            await socket.prepare(request)
            client = SocketClient(socket, request.transport, codec)
            error = await self._serve(client)
            if error is not None:
                record.status = error.reason
                stream_trace().failed(error.reason)
            await client.end(error)
        return socket

    async def _serve(self, client: SocketClient) -> errors.AmiraError | None:
        """How the stream ended. Raises ClientGoneError."""
        serving = asyncio.create_task(self._speech.stream(client), name="stream of a WebSocket")
        receiving = asyncio.create_task(client.receive(), name="messages of a WebSocket")
        try:
            await asyncio.wait((serving, receiving), return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                serving.cancel()
            await serving
        except (asyncio.CancelledError, ClientGoneError):
            client.abort()
            if this_task_is_cancelled():
                raise
            raise ClientGoneError("the connection is lost") from None
        except Exception as error:  # noqa: BLE001 - the outermost frame of a call: nothing may pass
            return reported(error, PATH)
        finally:
            await cancel_and_wait([serving, receiving])
        return None
