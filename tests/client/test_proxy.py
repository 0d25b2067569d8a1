"""Through a real HTTP proxy (CONNECT): by the environment, by an argument, past it, and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from amira_client import AmiraClient, AudioEncoding, RecognitionConfig, Tls, UnreachableError
from amira_core.security.server_tls import ServerTls
from amira_core.security.transport import Transport
from tests.client.connect_proxy import ConnectProxy
from tests.support.certificates import Authority
from tests.support.speech_server import ScriptedSpeech

PCM = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000)
VARIABLES = ("http_proxy", "https_proxy", "grpc_proxy", "no_proxy", "no_grpc_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def stream_once(client: AmiraClient) -> str:
    async with client.stream(PCM) as stream:
        await stream.send(bytes(320))
        await stream.end()
        return [r.result.alternatives[0].text async for r in stream if r.result.is_final][-1]


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "grpc_proxy"])
async def test_the_environment_names_it(
    server: ScriptedSpeech, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    async with ConnectProxy() as proxy:
        monkeypatch.setenv(variable, f"http://{proxy.address}")
        async with AmiraClient(server.target) as client:
            assert await stream_once(client) == "320 bytes"
        assert proxy.asked == [server.target]
        assert proxy.relayed_bytes > 320


async def test_exceptions_in_the_environment_and_by_argument(
    server: ScriptedSpeech, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ConnectProxy() as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        async with AmiraClient(server.target, proxy=False) as client:
            assert await stream_once(client)
        monkeypatch.setenv("no_proxy", "example.org,127.0.0.1")
        async with AmiraClient(server.target) as client:
            assert await stream_once(client)
        assert proxy.asked == []


async def test_one_that_is_given_wins_over_the_environment(
    server: ScriptedSpeech, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with ConnectProxy("me:secret") as proxy:
        async with AmiraClient(server.target, proxy=f"http://me:secret@{proxy.address}") as client:
            assert await stream_once(client) == "320 bytes"
        assert proxy.asked == [server.target]


async def test_tls_goes_through_from_end_to_end(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair, own = authority.issue("gateway"), authority.issue("client")
    server = ScriptedSpeech(transport=Transport(server=ServerTls(pair.cert, pair.key, authority.ca)))
    async with server, ConnectProxy() as proxy:
        options = Tls(ca=authority.ca, cert=own.cert, key=own.key)
        async with AmiraClient(
            server.target, tls=options, api_key="k", proxy=f"http://{proxy.address}"
        ) as client:
            assert await stream_once(client) == "320 bytes"
        assert proxy.asked == [server.target]


@pytest.mark.parametrize("refusal", ["407 Proxy Authentication Required", "403 Forbidden"])
async def test_a_proxy_that_refuses_is_named(server: ScriptedSpeech, refusal: str) -> None:
    async with ConnectProxy(refuse_with=refusal) as proxy:
        async with AmiraClient(server.target, proxy=f"http://{proxy.address}") as client:
            with pytest.raises(UnreachableError) as raised:
                await client.capabilities()
        assert "proxy" in raised.value.message.lower()
        assert refusal[:3] in raised.value.message


@pytest.mark.parametrize(
    "proxy", ["127.0.0.1:3128", "https://me:secret@proxy:3128", "http://", "socks5://x:1"]
)
async def test_a_proxy_that_grpc_would_ignore_is_refused(proxy: str) -> None:
    with pytest.raises(ValueError, match="proxy must be http://") as raised:
        AmiraClient("127.0.0.1:1", proxy=proxy)
    assert "secret" not in str(raised.value)


async def test_to_a_proxy_no_key_goes_unencrypted_even_for_this_machine() -> None:
    with pytest.raises(ValueError, match="unencrypted"):
        AmiraClient("127.0.0.1:1", api_key="k", proxy="http://proxy.example:3128")
