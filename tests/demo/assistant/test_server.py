"""The page's files, and who may talk to the assistant."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from amira_client import AmiraClient
from demo.assistant.language.understanding import Understanding
from demo.assistant.server import AssistantServer

REFERENCES = re.compile(r"""(?:src|href)="(/[^"#]+)"|from "([./][^"]+)"|= "(/shared/[^"]+\.js)\"""")


@pytest.fixture
async def server(understanding: Understanding) -> AsyncIterator[AssistantServer]:
    """One without a recognizer."""
    async with AmiraClient("127.0.0.1:1") as nobody, AssistantServer(nobody, understanding) as server:
        yield server


async def test_all_that_the_page_needs_is_served_and_nothing_from_elsewhere(server: AssistantServer) -> None:
    async with aiohttp.ClientSession(server.url) as http:
        wanted, seen = ["/"], set()
        while wanted:
            path = wanted.pop()
            seen.add(path)
            async with http.get(path) as answer:
                assert answer.status == 200, path
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                text = await answer.text()
            assert not re.search(r"""(?:src|href)="(?:https?:)?//|<style|style=|onclick=|<script>""", text)
            for found in REFERENCES.findall(text):
                name = next(filter(None, found))
                whole = name.replace("./", path.rpartition("/")[0] + "/") if name.startswith("./") else name
                if whole not in seen:
                    wanted.append(whole)
    assert {"/assistant/player.js", "/shared/capture-worklet.js", "/shared/theme.js"} <= seen


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Host": "a.example"}, {"Host": "[::::"}],
)  # fmt: skip
async def test_pages_from_elsewhere_are_turned_away(server: AssistantServer, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession(server.url) as http:
        for path in ("/", "/conversation"):
            async with http.get(path, headers=headers) as answer:
                assert answer.status in (400, 403), path


async def test_its_own_page_may_come_by_any_name_of_this_machine(server: AssistantServer) -> None:
    port = server.url.rsplit(":")[-1].strip("/")
    async with aiohttp.ClientSession() as http:
        headers = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
        async with http.ws_connect(f"{server.url}conversation", headers=headers) as socket:
            assert (await socket.receive_json())["kind"] == "hello"


@pytest.mark.parametrize(
    "path", ["/assistant/../server.py", "/assistant/%2e%2e/server.py", "/shared//etc/passwd"]
)
async def test_nothing_else_is_served(server: AssistantServer, path: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{server.url.rstrip('/')}{path}") as answer:
        assert answer.status in (403, 404)


async def test_a_port_that_is_taken(server: AssistantServer, understanding: Understanding) -> None:
    port = int(server.url.rsplit(":")[-1].strip("/"))
    async with AmiraClient("127.0.0.1:1") as nobody:
        with pytest.raises(OSError, match="in use"):
            async with AssistantServer(nobody, understanding, port=port):
                pass
