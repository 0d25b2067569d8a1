"""The Wyoming port: describe, ping, and one utterance after the other on each connection.

The protocol has neither keys nor TLS: where keys are needed every call is refused, so the port is for
gateways that are open to a network that is trusted.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib import metadata
from typing import Any

import structlog

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_core.incidents import reported
from amira_core.rpc.server import cancel_and_wait, warn_of_plaintext
from amira_core.tracing.process import incoming_trace
from amira_gateway.access import CallRecord, Door, Scope
from amira_gateway.adapters.wyoming.events import LONGEST_LINE_BYTES, read_event, write_event
from amira_gateway.adapters.wyoming.utterance import Utterance, config_of
from amira_gateway.server import SpeechServicer
from amira_gateway.session.client import ClientGoneError
from amira_gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)

_LAST_ANSWERS_S = 2.0
_ATTRIBUTION = {"name": "Amira ASR", "url": ""}


class WyomingServer:
    """One TCP port beside the gRPC one, with the same sessions."""

    def __init__(self, settings: GatewaySettings, door: Door, speech: SpeechServicer) -> None:
        self._settings = settings
        self._door = door
        self._speech = speech
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()
        self._answering: set[asyncio.Task[Any]] = set()

    async def start(self) -> int:
        """Binds and starts; returns the port. Raises OSError when the address is taken."""
        host, _, port = self._settings.wyoming_listen.rpartition(":")
        self._server = await asyncio.start_server(
            self._connected,
            host.strip("[]"),
            int(port),
            limit=LONGEST_LINE_BYTES,
            reuse_port=self._settings.share_ports,
        )
        warn_of_plaintext(self._settings.wyoming_listen)
        taken = int(self._server.sockets[0].getsockname()[1])
        _log.info("listening", serves="wyoming", port=taken, tls=False)
        return taken

    async def stop(self) -> None:
        """Ends what is still connected; transcripts on their way are sent."""
        if self._server is not None:
            self._server.close()
        if self._answering:
            await asyncio.wait(self._answering, timeout=_LAST_ANSWERS_S)
        await cancel_and_wait(list(self._connections))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= self._settings.max_streams:
                with suppress(ClientGoneError, ConnectionError, TimeoutError):
                    await self._serve(reader, writer)
        finally:
            self._connections.discard(task)
            self._answering.discard(task)
            if writer.transport.get_write_buffer_size():
                writer.transport.abort()  # nobody reads it
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except (ClientGoneError, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001 - the outermost frame of a connection: nothing may pass
            told = reported(error, "wyoming")
            async with asyncio.timeout(_LAST_ANSWERS_S):
                await write_event(writer, "error", {"text": told.message, "code": told.reason})
                writer.write_eof()
                while await reader.read(LONGEST_LINE_BYTES):
                    pass  # a connection that is closed before it has been read is reset, and its answer lost

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wishes: dict[str, Any] = {}
        most = self._settings.max_message_audio_bytes
        while True:
            try:
                async with asyncio.timeout(self._settings.idle_timeout_s):
                    event = await read_event(reader, most)
            except TimeoutError:
                raise errors.IdleTimeoutError("No event came for too long.") from None
            if event is None:
                return
            if event.type == "describe":
                await self._answer(writer, "info", await self._info(writer))
            elif event.type == "ping":
                await self._answer(writer, "pong", {"text": event.data.get("text")})
            elif event.type == "transcribe":
                wishes = event.data
            elif event.type == "audio-start":
                with incoming_trace("wyoming.Transcribe", ()) as trace, trace.current():
                    record = self._record(writer, "transcribe")
                    with self._door.call(record, (), Scope.RECOGNIZE):
                        models = (await self._speech.capabilities.get()).models
                        config = config_of(event, wishes, list(models))
                        await self._transcribe(Utterance(config, reader, writer, most), writer)
                wishes = {}

    async def _transcribe(self, utterance: Utterance, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        await self._speech.stream(utterance)
        await self._answer(writer, "transcript", {"text": " ".join(utterance.texts)})
        await self._answer(writer, "transcript-stop", {})
        self._answering.discard(task)

    async def _answer(self, writer: asyncio.StreamWriter, kind: str, data: dict[str, Any]) -> None:
        """Raises TimeoutError where the client does not read."""
        async with asyncio.timeout(self._settings.client_stall_timeout_s):
            await write_event(writer, kind, data)

    async def _info(self, writer: asyncio.StreamWriter) -> dict[str, Any]:
        with self._door.call(self._record(writer, "describe"), (), Scope.DESCRIBE):
            models = (await self._speech.capabilities.get()).models
        program = _artifact("amira", "Amira ASR", metadata.version("amira-asr"))
        program["models"] = [_described(model) for model in models]
        program["supports_transcript_streaming"] = True
        return {"asr": [program]}

    def _record(self, writer: asyncio.StreamWriter, method: str) -> CallRecord:
        peer = writer.get_extra_info("peername")
        return CallRecord(f"wyoming {method}", f"{peer[0]}:{peer[1]}" if peer else "")


def _described(model: config_pb2.ModelInfo) -> dict[str, Any]:
    return {**_artifact(model.name, model.name, model.version), "languages": [model.language_code]}


def _artifact(name: str, description: str, version: str) -> dict[str, Any]:
    about = {"name": name, "description": description, "version": version}
    return {**about, "attribution": _ATTRIBUTION, "installed": True}
