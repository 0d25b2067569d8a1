"""Real services that hear real words, in a thread of their own: sync and async clients can talk to them.

The frontend, the decoder (with the encoder inside) and the gateway are the real ones, over real gRPC and
HTTP, but in this process, so that a test module has them in a second.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from amira.asr.v1 import speech_pb2_grpc
from amira.frontend.v1 import frontend_pb2_grpc
from amira_core.rpc.server import RpcServer
from amira_core.security.transport import Transport
from amira_decoder.settings import DecoderSettings
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_frontend.warmup import warm_up
from amira_gateway.access import AccessInterceptor, Door
from amira_gateway.adapters.grpc_services import add_foreign_services
from amira_gateway.adapters.wyoming import WyomingServer
from amira_gateway.server import SpeechServicer, drain
from amira_gateway.services import Services
from amira_gateway.settings import GatewaySettings
from amira_gateway.web import WebServer
from tests.conftest import MODEL, ROOT
from tests.decoder.conftest import serving
from tests.gateway.scripted import PATIENT

CLIP = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"
WORDS = "unless to be rather cold hearted and rather"
"""What the clip begins with."""


@dataclass
class Gateway:
    """A gateway's ports, and what a test may do to it."""

    port: int
    speech: SpeechServicer
    server: RpcServer
    door: Door
    grpc_port: int
    wyoming_port: int = 0

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


class Spoken:
    """A frontend and a decoder; :meth:`gateway` puts a gateway in front of them."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="spoken", daemon=True)
        self._thread.start()
        self._targets = ("", "")

    @property
    def targets(self) -> tuple[str, str]:
        """Of the frontend and the decoder."""
        return self._targets

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs `work` where the services run."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(280)

    @contextmanager
    def services(self) -> Iterator[Spoken]:
        """Starts and ends them."""
        held = AsyncExitStack()
        try:
            self.run(self._start(held))
            yield self
        finally:
            self.run(held.aclose())
            self.run(asyncio.sleep(0.1))  # connections that were closed take a turn of the loop
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(60)
            self._loop.close()

    @contextmanager
    def gateway(self, **settings: Any) -> Iterator[Gateway]:
        """A gateway with these settings, on a free port."""
        held = AsyncExitStack()
        try:
            yield self.run(self._start_gateway(held, settings))
        finally:
            self.run(held.aclose())

    def drain(self, gateway: Gateway, timeout_s: float) -> None:
        """What SIGTERM does."""
        self.run(drain(gateway.server, gateway.speech, timeout_s))

    async def _start(self, held: AsyncExitStack) -> None:
        warm_up()
        frontend = RpcServer("127.0.0.1:0", "amira.frontend.v1.Frontend")
        servicer = FrontendServicer(FrontendSettings(max_streams=8))
        frontend_pb2_grpc.add_FrontendServicer_to_server(servicer, frontend.grpc)
        frontend_port = await frontend.start()
        await frontend.set_ready(True)
        held.push_async_callback(frontend.stop, 0)
        decoder = await held.enter_async_context(
            serving(DecoderSettings(model_dir=MODEL, encoder="in_process", in_process_slots=8, search="beam"))
        )
        self._targets = (f"127.0.0.1:{frontend_port}", decoder.target)

    async def _start_gateway(self, held: AsyncExitStack, changed: dict[str, Any]) -> Gateway:
        patient = {"service_timeout_s": 30, "start_timeout_s": 30, "web_listen": "127.0.0.1:0"}
        settings = GatewaySettings(**(patient | changed))
        services = Services(*self._targets, PATIENT)
        held.push_async_callback(services.close)
        speech = SpeechServicer(services, settings)
        held.push_async_callback(speech.close)
        door = Door.of(settings)
        server = RpcServer(
            "127.0.0.1:0",
            "amira.asr.v1.Speech",
            interceptors=[AccessInterceptor(door, settings.unary_read_timeout_s)],
            transport=Transport.of(settings),
        )
        speech_pb2_grpc.add_SpeechServicer_to_server(speech, server.grpc)
        add_foreign_services(server.grpc, speech)
        grpc_port = await server.start()
        held.push_async_callback(server.stop, 0)
        web = WebServer(settings, door, speech, lambda: True)
        port = await web.start()
        held.push_async_callback(web.stop)
        if not settings.wyoming_listen:
            return Gateway(port, speech, server, door, grpc_port)
        wyoming = WyomingServer(settings, door, speech)
        wyoming_port = await wyoming.start()
        held.push_async_callback(wyoming.stop)
        return Gateway(port, speech, server, door, grpc_port, wyoming_port)


@cache
def clip(seconds: float = 4.0, rate_hz: int = 16_000) -> NDArray[np.int16]:
    """The beginning of the bundled recording."""
    samples = soundfile.read(CLIP, dtype="int16")[0][: int(seconds * 16_000)]
    return samples if rate_hz == 16_000 else soxr.resample(samples, 16_000, rate_hz)


def clip_file(folder: Path, suffix: str, seconds: float = 4.0) -> Path:
    """The same as a file: wav, flac or ogg (Opus)."""
    path = folder / f"clip.{suffix}"
    kind = {"format": "OGG", "subtype": "OPUS"} if suffix == "ogg" else {}
    soundfile.write(path, clip(seconds), 16_000, **kind)
    return path


def broken_flac() -> bytes:
    """A FLAC file whose header is right, and nothing else."""
    file = io.BytesIO()
    soundfile.write(file, clip(0.5), 16_000, format="FLAC")
    return file.getvalue()[:200] + b"\x55" * 2_000
