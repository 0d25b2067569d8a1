"""One stream's life: the one writer to the client, its status, and its two lines in the log."""

from __future__ import annotations

import asyncio
import time
import uuid

import grpc
import structlog

from amira_core import errors
from amira_core.rpc.server import cancel_and_wait
from amira_gateway.services import Services
from amira_gateway.session.client import Client
from amira_gateway.session.conversation import Conversation
from amira_gateway.session.intake import Intake
from amira_gateway.session.lag import LagTracker
from amira_gateway.session.outbound import Outbound, Outgoing
from amira_gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)

_OUTBOUND_CAPACITY = 64


class Session:
    """Serves one client from its first message to the end of its last result.

    The conversation fills the outbound queue; :meth:`run` empties it. So what had been produced
    before a failure reaches the client before the failure does.
    """

    def __init__(
        self, client: Client, services: Services, settings: GatewaySettings, max_audio_s: float | None = None
    ) -> None:
        """`max_audio_s` refuses longer audio with AudioTooLongError; None: no bound."""
        self.session_id = uuid.uuid4().hex
        self._client = client
        self._settings = settings
        self._log = _log.bind(session_id=self.session_id)
        self._lag = LagTracker()
        self._outbound = Outbound(_OUTBOUND_CAPACITY)
        self.intake = Intake(client, settings, self._lag)
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

    async def run(self) -> None:
        """Returns when the client has everything.

        Raises:
            AmiraError: why the stream failed, after the client got what had been produced.
        """
        began_at = time.monotonic()
        status, cause = "CANCELLED", None
        conversing = asyncio.create_task(self._converse_and_close(), name=f"session {self.session_id}")
        try:
            while (item := await self._outbound.get()) is not None:
                await self._send(item)
            status = "OK"
        except errors.AmiraError as error:
            status, cause = error.reason, _cause(error)
            raise
        except grpc.aio.InternalError:
            raise  # a write to a client that has gone, which grpc knows before this task does
        except Exception:
            status = errors.InternalError.reason
            raise
        finally:
            await cancel_and_wait([conversing])
            self._log.info(
                "stream_ended",
                status=status,
                **({"cause": cause} if cause else {}),
                duration_s=round(time.monotonic() - began_at, 3),
                audio_s=round(self._lag.received_s, 3),
            )

    def fail(self, error: errors.AmiraError) -> None:
        """Ends the stream with `error` as soon as the client has what waits for it."""
        self._outbound.close(error)

    async def _send(self, item: Outgoing) -> None:
        lag = item.response.lag
        lag.audio.FromNanoseconds(int(self._lag.behind_s * 1e9))
        if item.completed_at is not None and item.response.WhichOneof("response") == "result":
            lag.server_latency.FromNanoseconds(int((time.monotonic() - item.completed_at) * 1e9))
        timeout_s = self._settings.client_stall_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await self._client.write(item.response)
        except TimeoutError:
            raise errors.ClientNotReadingError(
                f"The client took no result for {timeout_s:g} s: read the results while sending audio."
            ) from None

    async def _converse_and_close(self) -> None:
        error: Exception | None = RuntimeError("the conversation was cancelled")
        try:
            await self._conversation.run()
            error = None
        except Exception as failure:  # noqa: BLE001 - `run` raises it once the client has what came before
            error = _first(failure)
        finally:
            self._outbound.close(error)


def _cause(error: errors.AmiraError) -> str | None:
    """What gRPC said of a service that was lost, for the operator."""
    failure = error.__cause__
    if not isinstance(error, errors.ServiceUnavailableError) or not isinstance(failure, grpc.aio.AioRpcError):
        return None
    return f"{failure.code().name}: {failure.details()}"


def _first(failure: Exception) -> Exception:
    """The failure that came first; task groups wrap theirs."""
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    return failure
