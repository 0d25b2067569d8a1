"""Tokens that run out: fetched once for all, ahead of time, anew when a server refuses them."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from amira_client import AccessError, AmiraClient, AudioEncoding, RecognitionConfig, RefreshingToken
from amira_core import errors
from tests.gateway.access.door import SECRET_WORDS, Issuer, door
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, count_bytes, session

PCM = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000)


def jwt(number: int, lives_s: float) -> str:
    claims = json.dumps({"exp": time.time() + lives_s, "n": number}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.x"


class Source:
    """Gives numbered tokens, and counts."""

    def __init__(self, lives_s: float = 3600) -> None:
        self.given: list[str] = []
        self.lives_s = lives_s
        self.failure: Exception | None = None

    def __call__(self) -> str:
        if self.failure is not None:
            raise self.failure
        self.given.append(jwt(len(self.given), self.lives_s))
        return self.given[-1]


async def test_many_calls_need_one_fetch() -> None:
    source = Source()
    slow = threading.Event()

    def fetch() -> str:
        slow.wait(30)
        return source()

    token = RefreshingToken(fetch)
    waiting = [asyncio.create_task(token()) for _ in range(20)]
    await asyncio.sleep(0)
    slow.set()
    assert set(await asyncio.gather(*waiting)) == {source.given[0]}
    assert await token() == source.given[0]
    assert len(source.given) == 1


async def test_coroutine_functions_and_what_gives_coroutines() -> None:
    async def fetch() -> str:
        return " a-token\n"

    assert await RefreshingToken(fetch)() == "a-token"
    assert await RefreshingToken(lambda: fetch())() == "a-token"


async def test_it_is_replaced_before_it_runs_out() -> None:
    source = Source(lives_s=100)
    token = RefreshingToken(source, ahead_s=10)
    first = await token()
    token._replace_at -= 89
    assert await token() == first
    token._replace_at -= 2
    assert await token() != first


async def test_a_short_lived_one_is_still_used_more_than_once() -> None:
    token = RefreshingToken(Source(lives_s=30), ahead_s=60)
    assert await token() == await token()


async def test_a_token_that_does_not_say_its_end_lives_as_long_as_told() -> None:
    token = RefreshingToken(lambda: "opaque", lifetime_s=50, ahead_s=10)
    assert await token() == "opaque"
    assert 39 < token._replace_at - time.time() < 41


async def test_while_the_old_one_holds_a_failed_fetch_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    token = RefreshingToken(source)
    first = await token()
    token._replace_at, source.failure = 0, OSError("no identity provider")
    with caplog.at_level(logging.WARNING):
        assert await token() == first
    assert "still holds" in caplog.text
    assert first not in caplog.text
    token._ends_at = 0
    with pytest.raises(OSError, match="no identity provider"):
        await token()
    source.failure = None
    assert await token() != first


async def test_who_is_cancelled_does_not_take_the_token_from_others() -> None:
    begun, gate = 0, asyncio.Event()

    async def fetch() -> str:
        nonlocal begun
        begun += 1
        await gate.wait()
        return "a-token"

    token = RefreshingToken(fetch)
    fetching = asyncio.create_task(token())
    others = [asyncio.create_task(token()) for _ in range(3)]
    await asyncio.sleep(0)
    others[0].cancel()
    fetching.cancel()
    gate.set()
    assert await asyncio.gather(*others[1:]) == ["a-token"] * 2
    assert begun == 2


# -- with a server that checks ---------------------------------------------------------------------


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ScriptedSpeech]:
    issuer = Issuer(tmp_path / "jwks.json")
    async with door(jwks_file=issuer.path) as scripted:
        scripted.issuer = issuer  # type: ignore[attr-defined]
        yield scripted


async def stream_once(client: AmiraClient) -> str:
    async with client.stream(PCM) as stream:
        await stream.send(bytes(320))
        await stream.end()
        return [r.result.alternatives[0].text async for r in stream if r.result.is_final][-1]


@pytest.mark.parametrize("call", ["stream", "capabilities", "recognize"])
async def test_a_refused_token_is_replaced_once(server: ScriptedSpeech, call: str) -> None:
    tokens = ["not.a.token", server.issuer.token(sub="me"), "never.asked.for"]  # type: ignore[attr-defined]
    given = iter(tokens)
    async with AmiraClient(server.target, token=RefreshingToken(lambda: next(given))) as client:
        if call == "stream":
            assert await stream_once(client) == SECRET_WORDS
        elif call == "capabilities":
            assert await client.capabilities()
        else:
            assert await client.recognize(bytes(320), PCM)
    assert next(given) == tokens[2]


async def test_a_stream_that_goes_on_elsewhere_may_need_another_token(server: ScriptedSpeech) -> None:
    issuer: Issuer = server.issuer  # type: ignore[attr-defined]
    given, calls = iter([issuer.token(sub="me"), "not.a.token", issuer.token(sub="me")]), 0
    token = RefreshingToken(lambda: next(given))

    async def lose_the_first(server: ScriptedSpeech, requests: Requests) -> Responses:
        nonlocal calls
        calls += 1
        if calls > 1:
            async for response in count_bytes(server, requests):
                yield response
            return
        yield session()
        token._replace_at = 0
        raise errors.DrainingError("Going away.")

    server.script = lose_the_first
    async with AmiraClient(server.target, token=token) as client:
        assert await stream_once(client) == "320 bytes"
    assert calls == 2
    assert next(given, None) is None


@pytest.mark.parametrize("call", ["stream", "capabilities"])
async def test_a_source_whose_tokens_are_all_refused_is_given_up(server: ScriptedSpeech, call: str) -> None:
    fetched = 0

    def fetch() -> str:
        nonlocal fetched
        fetched += 1
        return f"bad.{fetched}.token"

    async with AmiraClient(server.target, token=RefreshingToken(fetch), retry=True) as client:
        with pytest.raises(AccessError):
            await (stream_once(client) if call == "stream" else client.capabilities())
    assert fetched == 2


async def test_a_token_from_a_coroutine_function(server: ScriptedSpeech) -> None:
    async def fresh() -> str:
        await asyncio.sleep(0)
        return str(server.issuer.token(sub="me"))  # type: ignore[attr-defined]

    async with AmiraClient(server.target, token=fresh) as client:
        assert await client.capabilities()
        assert await stream_once(client)


@pytest.mark.parametrize("refreshing", [True, False])
async def test_a_source_that_fails_is_named(server: ScriptedSpeech, refreshing: bool) -> None:
    source = Source()
    source.failure = OSError("no identity provider")
    async with AmiraClient(server.target, token=RefreshingToken(source) if refreshing else source) as client:
        for attempt in (client.capabilities(), stream_once(client)):
            with pytest.raises(AccessError, match="no identity provider"):
                await attempt
    assert server.metadata == {}
