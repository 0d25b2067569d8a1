"""The gateway's calls to frontends and decoders, with failures turned into Amira's errors."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Generic, TypeVar

import grpc

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira.frontend.v1 import frontend_pb2, frontend_pb2_grpc
from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.health import is_serving
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.status import from_rpc_error

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

# Streams go round the addresses of a name instead of all to its first.
_SERVICE_CONFIG = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
_DESCRIBE_TIMEOUT_S = 5.0
_HEALTH_TIMEOUT_S = 2.0


class ServiceCall(Generic[RequestT, ResponseT]):
    """One streaming call to a service; one task may read and one may write.

    Failures come out of :meth:`read` only, after everything that the service sent before it failed.
    """

    def __init__(
        self,
        call: grpc.aio.StreamStreamCall[RequestT, ResponseT],
        lost: type[errors.ServiceUnavailableError],
    ) -> None:
        self._call = DuplexCall(call)
        self._lost = lost
        self._writing_since: float | None = None
        self._heard_at = time.monotonic()
        self.expects_answer = False
        """Set by the user while the service owes it a message."""
        self.moved_at = time.monotonic()
        """Monotonic time at which the service last took a message."""

    @property
    def silent_since(self) -> float | None:
        """Monotonic time since when the service neither takes nor gives what it should; None: it does."""
        if self._writing_since is not None:
            return self._writing_since
        return max(self._heard_at, self.moved_at) if self.expects_answer else None

    async def write(self, request: RequestT) -> bool:
        """Sends; waits while the service takes no more. False: the call is over; :meth:`read` says why."""
        self._writing_since = time.monotonic()
        try:
            return await self._call.write(request)
        finally:
            self._writing_since = None
            self.moved_at = time.monotonic()

    async def done_writing(self) -> None:
        """Half-closes."""
        await self._call.done_writing()

    async def read(self) -> ResponseT | None:
        """The next message; None when the service ended the call with OK.

        Raises:
            AmiraError: what the service refused with, or the `lost` error when it is gone.
        """
        try:
            response = await self._call.read()
        except grpc.aio.AioRpcError as failure:
            raise from_rpc_error(failure, self._lost) from failure
        self._heard_at = time.monotonic()
        return response

    def lost(self, what: str) -> errors.ServiceUnavailableError:
        """The error for a service that does not keep its protocol."""
        return self._lost(f"{what} Open a new stream.")

    def cancel(self) -> None:
        """Ends the call at once, so that the service frees what it holds. Does nothing once it is over."""
        self._call.cancel()


FrontendCall = ServiceCall[frontend_pb2.ExtractRequest, frontend_pb2.ExtractResponse]
DecoderCall = ServiceCall[decoder_pb2.DecodeRequest, decoder_pb2.DecodeResponse]


class Services:
    """Channels to the services behind the gateway. Connects on first use and by itself again."""

    def __init__(self, frontend_target: str, decoder_target: str) -> None:
        self._frontends = _channel(frontend_target)
        self._decoders = _channel(decoder_target)
        self._extract = frontend_pb2_grpc.FrontendStub(self._frontends).Extract
        decoder = decoder_pb2_grpc.DecoderStub(self._decoders)
        self._decode = decoder.Decode
        self._describe = decoder.Describe

    def extract(self) -> FrontendCall:
        """Opens a stream to a frontend."""
        return ServiceCall(self._extract(), errors.FrontendLostError)

    def decode(self) -> DecoderCall:
        """Opens a stream to a decoder."""
        return ServiceCall(self._decode(), errors.DecoderLostError)

    async def describe(self) -> decoder_pb2.DescribeResponse:
        """What a decoder runs. Raises DecoderLostError."""
        try:
            return await self._describe(decoder_pb2.DescribeRequest(), timeout=_DESCRIBE_TIMEOUT_S)
        except grpc.aio.AioRpcError as failure:
            raise from_rpc_error(failure, errors.DecoderLostError) from failure

    async def unhealthy(self) -> list[str]:
        """Names of the services that do not say SERVING now."""
        channels = {"frontend": self._frontends, "decoder": self._decoders}
        healthy = await asyncio.gather(
            *(is_serving(channel, _HEALTH_TIMEOUT_S) for channel in channels.values())
        )
        return [name for name, ok in zip(channels, healthy, strict=True) if not ok]

    async def close(self) -> None:
        """Cancels what runs and closes the channels."""
        await self._frontends.close()
        await self._decoders.close()


def _channel(target: str) -> grpc.aio.Channel:
    options: list[tuple[str, Any]] = [*CHANNEL_OPTIONS, ("grpc.service_config", _SERVICE_CONFIG)]
    return grpc.aio.insecure_channel(target, options=options)
