"""Pages of other origins over HTTP: named ones may call and read, in a real browser; others learn nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from aiohttp import web as aiohttp_web

from tests.gateway.access.door import add_key
from tests.gateway.web.door import serving
from tests.support.chromium import Page, browsing
from tests.support.spoken import WORDS, Spoken, clip_file

PAGE = "https://app.example"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-mine"}
HTTP_PATHS = {
    "/v1/capabilities": "GET",
    "/v1/models": "GET",
    "/v1/models/some": "GET",
    "/v1/audio/transcriptions": "POST",
    "/v1/listen": "GET,POST",
}
CALL = """(async () => {
  const file = await (await fetch(`data:audio/flac;base64,%(file)s`)).blob();
  const form = new FormData();
  form.append("file", file, "clip.flac");
  form.append("model", "whisper-1");
  form.append("temperature", "0.5");
  try {
    const headers = { Authorization: "Bearer %(key)s", "X-Stainless-Lang": "js" };
    const answer = await fetch("%(url)s", { method: "POST", body: form, headers, credentials: "%(mode)s" });
    const told = ["X-Request-Id", "amira-ignored", "Server"].map((name) => answer.headers.get(name));
    return [answer.status, await answer.json(), told];
  } catch (error) {
    return error.name;
  }
})()"""


@asynccontextmanager
async def elsewhere() -> AsyncIterator[str]:
    """An origin of its own, with an empty page."""
    application = aiohttp_web.Application()

    async def empty(request: aiohttp_web.Request) -> aiohttp_web.Response:
        return aiohttp_web.Response(text="<!doctype html><title>elsewhere</title>", content_type="text/html")

    application.router.add_get("/", empty)
    runner = aiohttp_web.AppRunner(application)
    await runner.setup()
    await aiohttp_web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def call(page: Page, url: str, key: str, file: bytes, mode: str = "omit") -> Any:
    """Status, body and headers that a page gets of a transcription, or the name of its error."""
    script = CALL % {"file": base64.b64encode(file).decode(), "key": key, "url": url, "mode": mode}
    return await page.run(script)


async def test_a_page_from_elsewhere_in_a_browser(spoken: Spoken, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    file = clip_file(tmp_path, "flac").read_bytes()
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(16_000, np.int16), 16_000)
    path = "/v1/audio/transcriptions"
    async with elsewhere() as origin, browsing(tmp_path / "profile", silence) as page:
        await page.open(f"{origin}/")
        with spoken.gateway(api_keys_file=str(keys), web_origins=f"{PAGE},{origin}") as gateway:
            for mode in ("omit", "include"):
                status, body, told = await call(page, gateway.http + path, key, file, mode)
                assert (status, body["text"][: len(WORDS)]) == (200, WORDS)
                assert told[0]
                assert told[1:] == ["temperature", None]
            status, body, _ = await call(page, gateway.http + path, "wrong", file)
            assert (status, body["error"]["code"]) == (401, "invalid_api_key")  # a page can say why
        with spoken.gateway(api_keys_file=str(keys), web_origins="*") as gateway:
            status, body, _ = await call(page, gateway.http + path, key, file)
            assert (status, body["text"][: len(WORDS)]) == (200, WORDS)
            assert await call(page, gateway.http + path, key, file, "include") == "TypeError"
        with spoken.gateway(api_keys_file=str(keys), web_origins=PAGE) as gateway:
            assert await call(page, gateway.http + path, key, file) == "TypeError"
            assert len(gateway.speech.admission) == 0


async def test_preflights_of_a_named_origin() -> None:
    async with serving(web_origins=PAGE) as web:
        for path, methods in HTTP_PATHS.items():
            asked = web.http.options(web.url(path), headers={"Origin": PAGE, **ASKS})
            async with asked as answer:
                assert (answer.status, await answer.read()) == (204, b""), path
                assert answer.headers["Access-Control-Allow-Origin"] == PAGE
                assert answer.headers["Access-Control-Allow-Credentials"] == "true"
                assert answer.headers["Access-Control-Allow-Headers"] == "authorization,x-mine"
                allowed = answer.headers["Access-Control-Allow-Methods"].replace(" ", "").split(",")
                assert set(methods.split(",")) <= set(allowed)
                assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("path", HTTP_PATHS)
async def test_others_are_refused_and_told_nothing(path: str) -> None:
    async with serving(web_origins=PAGE) as web:
        for origin in (
            "https://elsewhere.example",
            "null",
            f"{PAGE}.evil.example",
            "https://app.example:444",
        ):
            headers = {"Origin": origin, **ASKS}
            for method in ("OPTIONS", HTTP_PATHS[path].split(",")[-1]):
                async with web.http.request(method, web.url(path), headers=headers) as answer:
                    assert answer.status == 403
                    assert not [name for name in answer.headers if name.startswith("Access-Control")]
                    assert "Origin" in answer.headers["Vary"]  # no cache gives it to the page that may
                    assert "AMIRA_GATEWAY_WEB_ORIGINS" in json.dumps(await answer.json())


async def test_everybody_may_come_without_credentials() -> None:
    async with serving(web_origins="*") as web:
        for origin in ("https://anywhere.example", "null"):
            for method in ("OPTIONS", "GET"):
                headers = {"Origin": origin, **ASKS}
                async with web.http.request(method, web.url("/v1/models"), headers=headers) as answer:
                    assert answer.headers["Access-Control-Allow-Origin"] == "*"
                    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_programs_pages_and_unknown_paths_are_as_ever() -> None:
    async with serving(web_origins=PAGE) as web:
        async with web.http.get(web.url("/v1/models")) as answer:
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
        for path in ("/", "/page/app.js", "/healthz"):
            async with web.http.get(web.url(path), headers={"Origin": PAGE}) as answer:
                assert answer.status == 200
                assert "Access-Control-Allow-Origin" not in answer.headers
            async with web.http.options(web.url(path), headers={"Origin": PAGE, **ASKS}) as answer:
                assert answer.status == 405
        async with web.http.options(web.url("/v1/nothing"), headers={"Origin": PAGE, **ASKS}) as answer:
            assert answer.status == 404
