"""A gateway with its foreign services in front of a real frontend and decoder, for clients that block."""

from __future__ import annotations

import asyncio
import io
import threading
import time
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import soundfile
import soxr

from amira.asr.v1 import config_pb2, speech_pb2, speech_pb2_grpc
from amira.frontend.v1 import frontend_pb2_grpc
from amira_core.rpc.server import RpcServer
from amira_core.security.server_tls import ServerTls
from amira_core.security.transport import Transport
from amira_decoder.settings import DecoderSettings
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_frontend.warmup import warm_up
from amira_gateway.access import AccessInterceptor
from amira_gateway.adapters.grpc_services import add_foreign_services
from amira_gateway.server import SpeechServicer
from amira_gateway.services import Services
from amira_gateway.settings import GatewaySettings
from tests.conftest import MODEL, ROOT
from tests.decoder.conftest import serving
from tests.gateway.scripted import PATIENT
from tests.support.certificates import Authority

RATE_HZ = 16_000
CLIP = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"
CLIP_S = 6.0


def clip(seconds: float = CLIP_S) -> bytes:
    """Real speech: the beginning of the demo, as LINEAR16."""
    sound, rate_hz = soundfile.read(CLIP, dtype="int16")
    assert rate_hz == RATE_HZ
    return sound[: int(seconds * RATE_HZ)].tobytes()


def silence(seconds: float) -> bytes:
    """No speech, as LINEAR16."""
    return bytes(2 * int(seconds * RATE_HZ))


def telephone(sound: bytes) -> bytes:
    """LINEAR16 as mu-law at 8 kHz."""
    low = soxr.resample(np.frombuffer(sound, np.int16), RATE_HZ, 8_000)
    file = io.BytesIO()
    soundfile.write(file, low, 8_000, format="RAW", subtype="ULAW")
    return file.getvalue()


def write_opus(path: Path, sound: bytes) -> Path:
    """Mono LINEAR16 as Opus in Ogg pages."""
    soundfile.write(path, np.frombuffer(sound, np.int16), RATE_HZ, format="OGG", subtype="OPUS")
    return path


def beside_noise(sound: bytes) -> bytes:
    """LINEAR16 as the first of two channels; the other one hisses."""
    first = np.frombuffer(sound, np.int16)
    hiss = np.random.default_rng(1).integers(-3_000, 3_000, len(first), np.int16)
    return np.column_stack([first, hiss]).tobytes()


def write_wav(path: Path, sound: bytes) -> Path:
    """Mono LINEAR16 as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(sound)
    return path


def write_flac(path: Path, sound: bytes) -> Path:
    """Mono LINEAR16 as a FLAC file."""
    soundfile.write(path, np.frombuffer(sound, np.int16), RATE_HZ)
    return path


@dataclass
class Foreign:
    """Two ports of one gateway.

    Attributes:
        open: anybody may call.
        keyed: over TLS, with a key of `keys_file`.
        ca: what callers of `keyed` trust.
        servicer: what both serve.
    """

    open: str
    keyed: str
    keys_file: Path
    ca: Path
    servicer: SpeechServicer

    def words(self, sound: bytes) -> list[str]:
        """What Amira's own API hears in LINEAR16: one text per segment."""
        config = config_pb2.RecognitionConfig(
            encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=RATE_HZ
        )
        with grpc.insecure_channel(self.open) as channel:
            answer = speech_pb2_grpc.SpeechStub(channel).Recognize(
                speech_pb2.RecognizeRequest(config=config, audio=sound)
            )
        return [result.alternatives[0].text for result in answer.results]

    def freed(self) -> None:
        """Waits until no stream is held any more; TimeoutError after 30 s."""
        ended_at = time.monotonic() + 30
        while len(self.servicer.admission):
            if time.monotonic() > ended_at:
                raise TimeoutError("a stream is still held")
            time.sleep(0.01)


@asynccontextmanager
async def _serving(keys_file: Path) -> AsyncIterator[Foreign]:
    async with AsyncExitStack() as held:
        warm_up()
        frontend = RpcServer("127.0.0.1:0", "amira.frontend.v1.Frontend")
        frontend_pb2_grpc.add_FrontendServicer_to_server(FrontendServicer(FrontendSettings()), frontend.grpc)
        frontend_port = await frontend.start()
        held.push_async_callback(frontend.stop, 0)
        decoder = await held.enter_async_context(
            serving(DecoderSettings(model_dir=MODEL, encoder="in_process", in_process_slots=8))
        )
        services = Services(f"127.0.0.1:{frontend_port}", decoder.target, PATIENT)
        held.push_async_callback(services.close)
        servicer = SpeechServicer(
            services, GatewaySettings(service_timeout_s=30, start_timeout_s=30, first_message_timeout_s=3)
        )
        held.push_async_callback(servicer.close)
        authority = Authority(keys_file.parent)
        pair = authority.issue("gateway")
        tls = Transport(server=ServerTls(pair.cert, pair.key))
        targets = []
        for settings, transport in (
            (GatewaySettings(), None),
            (GatewaySettings(api_keys_file=str(keys_file)), tls),
        ):
            server = RpcServer(
                "127.0.0.1:0",
                "amira.asr.v1.Speech",
                interceptors=[AccessInterceptor.of(settings)],
                transport=transport,
            )
            speech_pb2_grpc.add_SpeechServicer_to_server(servicer, server.grpc)
            add_foreign_services(server.grpc, servicer)
            targets.append(f"127.0.0.1:{await server.start()}")
            held.push_async_callback(server.stop, 0)
        yield Foreign(*targets, keys_file, authority.ca, servicer)


@contextmanager
def serving_foreign(keys_file: Path) -> Iterator[Foreign]:
    """Runs all of it in a thread with a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="foreign")
    thread.start()
    context = _serving(keys_file)
    try:
        running = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(120)
        try:
            yield running
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
