"""One stream with a decoder, step by step."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.status import from_rpc_error
from tests.decoder.conftest import Request, Response, finals


class Talk:
    """Made by :meth:`open`."""

    def __init__(self, call: Any, duplex: DuplexCall[Request, Response], accepted: Any) -> None:
        self.call = call
        self._duplex = duplex
        self.accepted: decoder_pb2.StreamAccepted = accepted
        self.responses: list[Response] = []

    @classmethod
    async def open(cls, stub: Any, *, timeout_s: float | None = None, **fields: Any) -> Talk:
        """Opens a stream; `fields` go beside its config. Raises AmiraError when it is refused."""
        call = stub.Decode(timeout=timeout_s)
        duplex = DuplexCall[Request, Response](call)
        await duplex.write(Request(config=config_pb2.RecognitionConfig(), **fields))
        return cls(call, duplex, (await _read(duplex)).accepted)

    async def say(self, frames: NDArray[np.float32]) -> None:
        """Sends features."""
        await self._write(Request(features=frames.tobytes()))

    async def next(self) -> Response:
        """The next response. Raises AmiraError when the stream has failed."""
        self.responses.append(await _read(self._duplex))
        return self.responses[-1]

    async def text(self) -> str:
        """Ends the stream; gives its finals. Raises AmiraError when it fails."""
        await self._write(Request(end={}))
        await self.read_to_the_end()
        return " ".join(finals(self.responses))

    async def read_to_the_end(self) -> None:
        """Reads all that comes. Raises AmiraError when the stream fails."""
        with suppress(EOFError):
            while True:
                await self.next()

    async def _write(self, request: Request) -> None:
        await self._duplex.write(request)  # where it has failed, `next` says why


async def _read(call: DuplexCall[Request, Response]) -> Response:
    try:
        response = await call.read()
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error, errors.DecoderLostError) from error
    if response is None:
        raise EOFError
    return response
