"""The page as files: what is served, with which headers, and what is not."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import aiohttp

from tests.gateway.access.door import add_key
from tests.gateway.web.door import Web, serving
from tests.support.spoken import Gateway

REFERENCES = re.compile(r"""(?:src|href)="page/([^"]+)"|from "\./([^"]+)"|new URL\("\./([^"]+)\"""")


async def test_every_file_that_the_page_needs_is_served() -> None:
    async with serving() as web:
        wanted, seen = ["/"], set()
        while wanted:
            path = wanted.pop()
            seen.add(path)
            async with web.http.get(web.url(path)) as answer:
                assert answer.status == 200, path
                assert "javascript" in answer.headers["Content-Type"] or not path.endswith(".js")
                text = await answer.text()
            found = {f"/page/{next(filter(None, names))}" for names in REFERENCES.findall(text)}
            wanted += found - seen
        assert {"/page/app.js", "/page/style.css", "/page/stream.js", "/page/capture-worklet.js"} <= seen


async def test_nothing_from_elsewhere_may_run_or_be_loaded() -> None:
    async with serving() as web:
        for path in ("/", "/page/app.js"):
            async with web.http.get(web.url(path)) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                text = await answer.text()
            assert not re.search(r"""(?:src|href)="(?:https?:)?//|<style|style=|onclick=|<script>""", text)


async def test_a_browser_that_has_a_file_gets_it_once() -> None:
    async with serving() as web:
        async with web.http.get(web.url("/page/app.js")) as answer:
            tag = answer.headers["ETag"]
        async with web.http.get(web.url("/page/app.js"), headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
            assert answer.headers["ETag"] == tag
        async with web.http.get(web.url("/page/app.js"), headers={"If-None-Match": '"old"'}) as answer:
            assert answer.status == 200
        async with web.http.head(web.url("/")) as answer:
            assert (answer.status, await answer.read()) == (200, b"")


NOT_FILES = (
    "/page/", "/page", "/page/nothing.js", "/page/../server.py", "/page/%2e%2e%2ffiles.py",
    "/page/..%2f..%2fserver.py", "/page/static/app.js", "/page//etc/passwd", "/page/%00", "//etc/passwd",
    "/page/__init__.py", "/index.html",
)  # fmt: skip


async def test_nothing_else_is_served() -> None:
    async with serving() as web:
        for path in NOT_FILES:
            assert await status_of(web, path) in (400, 404), path


async def status_of(web: Web, path: str) -> int:
    """aiohttp's client would tidy the path up."""
    with socket.create_connection(("127.0.0.1", web.port)) as raw:
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(raw, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return int((await loop.sock_recv(raw, 200)).split()[1])


async def test_capabilities_as_json(gateway: Gateway) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{gateway.http}/v1/capabilities") as answer:
        offered = await answer.json()
    assert offered["models"][0]["name"] == "starter-en"
    assert offered["models"][0]["languageCode"]
    assert offered["limits"]["maxHotwords"] > 0


async def test_capabilities_need_a_key_where_keys_are_set_up(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    async with serving(api_keys_file=str(keys)) as web:
        async with web.http.get(web.url("/v1/capabilities")) as answer:
            assert answer.status == 401
            assert (await answer.json())["error"]["message"]
        async with web.http.get(
            web.url("/v1/capabilities"), headers={"Authorization": f"Bearer {key}"}
        ) as answer:
            assert answer.status == 200
        async with web.http.get(web.url("/")) as answer:  # holds no secret, and has the field for the key
            assert answer.status == 200


async def test_pages_from_elsewhere_learn_nothing() -> None:
    async with serving() as web:
        origin = {"Origin": "https://elsewhere.example"}
        async with web.http.get(web.url("/v1/capabilities"), headers=origin) as answer:
            assert answer.status == 403


async def test_the_page_can_be_turned_off() -> None:
    async with serving(web_page=False) as web:
        for path in ("/", "/page/app.js"):
            async with web.http.get(web.url(path)) as answer:
                assert answer.status == 404
