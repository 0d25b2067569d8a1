"""The web port: who may come in, TLS, health, and what else it answers."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp
import grpc
import pytest

from amira_core import errors
from amira_gateway.access.identity import Scope
from amira_gateway.web.failures import HTTP_STATUS, close_code, http_status, retry_headers
from tests.gateway.access.door import add_key
from tests.gateway.web.door import CONFIG, END, SECOND, answers, serving
from tests.support.certificates import Authority


async def test_a_key_is_needed_where_keys_are_set_up(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    async with serving(api_keys_file=str(keys)) as web:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await web.connect()
        assert refused.value.status == 401
        for protocols, headers in (
            ([], {"Authorization": f"Bearer {key}"}),
            ([], {"X-API-Key": key}),
            (["amira.asr.v1.json", f"amira.key.{key}"], {}),
        ):
            ws = await web.connect(protocols, **headers)
            await ws.send_json(CONFIG)
            await ws.send_bytes(SECOND)
            await ws.send_json(END)
            assert (await answers(ws))[-1] == {"status": {"code": "OK"}}
            assert ws.protocol != f"amira.key.{key}"


async def test_a_key_for_something_else_is_refused(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys, "acme", Scope.DESCRIBE)
    async with serving(api_keys_file=str(keys)) as web:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await web.connect(Authorization=f"Bearer {key}")
        assert refused.value.status == 403


@pytest.mark.parametrize(
    ("allowed", "origin", "status"),
    [
        ("", "https://elsewhere.example", 403),
        ("", "null", 403),
        ("https://app.example", "https://app.example", 101),
        ("https://app.example, https://other.example/", "https://other.example", 101),
        ("https://app.example", "https://app.example.evil.example", 403),
        ("*", "https://anywhere.example", 101),
    ],
)
async def test_pages_from_elsewhere(allowed: str, origin: str, status: int) -> None:
    async with serving(web_origins=allowed) as web:
        if status == 101:
            ws = await web.connect(Origin=origin)
            await ws.close()
            return
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await web.connect(Origin=origin)
        assert refused.value.status == status


async def test_pages_of_its_own() -> None:
    async with serving() as web:
        ws = await web.connect(Origin=f"http://127.0.0.1:{web.port}")
        await ws.close()


async def test_tls_with_a_certificate_that_is_renewed(tmp_path: Path) -> None:
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    pair = first.issue("server")
    client = ssl.create_default_context(cafile=str(first.ca))
    async with serving(tls_cert=str(pair.cert), tls_key=str(pair.key)) as web:
        url = f"https://127.0.0.1:{web.port}/healthz"
        async with web.http.get(url, ssl=client) as answer:
            assert answer.status == 200
        renewed = second.issue("renewed")
        pair.key.write_bytes(renewed.key.read_bytes())
        pair.cert.write_bytes(renewed.cert.read_bytes())
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await http.get(url, ssl=client)
            async with http.get(url, ssl=ssl.create_default_context(cafile=str(second.ca))) as answer:
                assert answer.status == 200


async def test_tls_wants_the_client_to_have_a_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair, own = authority.issue("server"), authority.issue("client")
    context = ssl.create_default_context(cafile=str(authority.ca))
    async with serving(
        tls_cert=str(pair.cert), tls_key=str(pair.key), tls_client_ca=str(authority.ca)
    ) as web:
        url = f"https://127.0.0.1:{web.port}/healthz"
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ClientError):
                await http.get(url, ssl=context)
            context.load_cert_chain(own.cert, own.key)
            async with http.get(url, ssl=context) as answer:
                assert answer.status == 200


async def test_health_and_unknown_paths() -> None:
    async with serving() as web:
        async with web.http.get(web.url("/healthz")) as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "SERVING"})
            assert "aiohttp" not in answer.headers["Server"]
        web.ready = False
        async with web.http.get(web.url("/healthz")) as answer:
            assert answer.status == 503
        async with web.http.get(web.url("/nothing")) as answer:
            assert answer.status == 404
        async with web.http.get(web.url("/v1/stream")) as answer:  # no WebSocket
            assert answer.status == 400


def test_every_status_has_its_http_status() -> None:
    assert set(HTTP_STATUS) == set(grpc.StatusCode)
    full = errors.NoCapacityError("full", retry_after_ms=1200)
    assert (http_status(full), close_code(full), retry_headers(full)) == (429, 4429, {"Retry-After": "2"})
