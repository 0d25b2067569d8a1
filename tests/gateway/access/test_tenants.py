"""Limits of tenants and keys: streams at once, and seconds of audio per minute."""

from __future__ import annotations

import asyncio
import gc
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core.errors import TenantLimitError
from amira_gateway.access.identity import ANYBODY, Identity, Limits, Scope
from amira_gateway.access.place import Place
from amira_gateway.access.tenants import Tenants
from tests.gateway.access.door import Caller, add_key, bearer, door, limit_tenant, outcome

LIMIT = ("RESOURCE_EXHAUSTED", "TENANT_LIMIT")


class Clock:
    """Seconds that a test lets pass."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def identity(tenant: str = "acme", key_id: str = "k", limits: Limits | None = None) -> Identity:
    return Identity(tenant, key_id, frozenset({Scope.RECOGNIZE}), limits or Limits())


def start(tenants: Tenants, who: Identity) -> None:
    with tenants.place(who):
        pass


def wait_ms(tenants: Tenants, who: Identity) -> int:
    """What a refused stream is told."""
    with pytest.raises(TenantLimitError) as refusal:
        start(tenants, who)
    assert refusal.value.retry_after_ms is not None
    return refusal.value.retry_after_ms


def test_streams_at_once_are_counted_per_tenant() -> None:
    tenants = Tenants(Limits(max_streams=2), {"big": Limits(max_streams=3)}.get)
    for name, most in (("acme", 2), ("big", 3), ("small", 2)):
        with ExitStack() as held:
            for key_id in range(most):
                held.enter_context(tenants.place(identity(name, str(key_id))))
            with pytest.raises(TenantLimitError, match=f"all of its {most} streams"):
                start(tenants, identity(name))
            start(tenants, identity("another"))
        start(tenants, identity(name))


def test_calls_that_do_not_say_what_they_want_are_bounded() -> None:
    tenants = Tenants(Limits(max_streams=3))
    with ExitStack() as held:
        for _ in range(10):
            held.enter_context(tenants.call(identity()))
        with pytest.raises(TenantLimitError, match="too many calls"), tenants.call(identity()):
            pass
        with tenants.call(identity("other")):
            start(tenants, identity())
    with tenants.call(identity()):
        pass


def test_a_session_keeps_its_place_beyond_its_call() -> None:
    tenants = Tenants(Limits(max_streams=1))
    with tenants.call(identity()):
        place = Place("s", tenants, identity())
    with pytest.raises(TenantLimitError):
        Place("t", tenants, identity())
    with tenants.call(identity()):  # but the session may go on in another call
        pass
    place.close()
    place.close()
    with tenants.place(identity()), pytest.raises(TenantLimitError):
        Place("u", tenants, identity())


def test_a_stream_that_fails_gives_its_place_back() -> None:
    tenants = Tenants(Limits(max_streams=1))

    def fail() -> None:
        with tenants.place(identity()):
            raise ValueError("failed")

    for _ in range(3):
        with pytest.raises(ValueError, match="failed"):
            fail()
    start(tenants, identity())


def test_a_keys_own_limit_comes_on_top_of_its_tenants() -> None:
    tenants = Tenants(Limits(max_streams=2))
    narrow = identity(key_id="narrow", limits=Limits(max_streams=1))
    with tenants.place(narrow):
        with pytest.raises(TenantLimitError, match="This key"):
            start(tenants, narrow)
        with tenants.place(identity()), pytest.raises(TenantLimitError, match="Tenant 'acme'"):
            start(tenants, identity())
    with tenants.place(identity()), tenants.place(identity()), pytest.raises(TenantLimitError):
        start(tenants, narrow)
    start(tenants, narrow)  # what was refused half-way holds nothing


def test_a_minutes_audio_may_come_at_once_and_fills_again_steadily() -> None:
    clock = Clock()
    tenants = Tenants(Limits(audio_s_per_minute=120), clock=clock)
    tenants.heard(identity(), 120)
    assert wait_ms(tenants, identity()) == 1000  # at least a second
    clock.now += 1
    start(tenants, identity())
    tenants.heard(identity(), 62)
    assert 30_000 <= wait_ms(tenants, identity()) <= 30_001
    clock.now += 30.1
    start(tenants, identity())
    clock.now += 10_000
    tenants.heard(identity(), 120)  # but no more than a minute's worth is saved up
    assert wait_ms(tenants, identity()) == 1000


def test_running_streams_may_overdraw_by_a_minute() -> None:
    tenants = Tenants(Limits(audio_s_per_minute=60), clock=Clock())
    for _ in range(120):
        tenants.heard(identity(), 1)
    with pytest.raises(TenantLimitError, match="60 seconds of audio per minute"):
        tenants.heard(identity(), 0.1)
    tenants.heard(identity("other"), 1)


def test_real_time_within_the_limit_is_never_refused() -> None:
    clock = Clock()
    tenants = Tenants(Limits(audio_s_per_minute=180), clock=clock)
    for _ in range(3600):
        clock.now += 1
        for _ in range(3):
            tenants.heard(identity(), 1)
        start(tenants, identity())


def test_nobody_is_limited_without_limits() -> None:
    for tenants, who in ((Tenants(Limits()), identity()), (Tenants(Limits(max_streams=1)), ANYBODY)):
        with ExitStack() as held:
            for _ in range(100):
                held.enter_context(tenants.place(who))
            tenants.heard(who, 1e9)


def test_limits_may_change_while_streams_run() -> None:
    limits = {"acme": Limits(max_streams=1, audio_s_per_minute=60)}
    tenants = Tenants(Limits(), limits.get, Clock())
    with tenants.place(identity()):
        tenants.heard(identity(), 50)
        limits["acme"] = Limits(max_streams=2, audio_s_per_minute=40)
        with pytest.raises(TenantLimitError, match="40 seconds"):
            start(tenants, identity())
        limits["acme"] = Limits(max_streams=2, audio_s_per_minute=100)
        start(tenants, identity())
        limits["acme"] = Limits(max_streams=1)
        tenants.heard(identity(), 1e6)
        with pytest.raises(TenantLimitError, match="1 streams"):
            start(tenants, identity())


def test_tenants_that_came_once_are_forgotten() -> None:
    clock = Clock()
    tenants = Tenants(Limits(max_streams=1, audio_s_per_minute=60), clock=clock)
    with tenants.place(identity("stays")):
        for number in range(5000):
            start(tenants, identity(f"t{number}"))
            clock.now += 0.1
        with pytest.raises(TenantLimitError):
            start(tenants, identity("stays"))
    gc.collect()
    assert len(tenants._accounts) <= 1001


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=40))
def test_no_more_than_the_limit_over_any_time(steps: list[tuple[float, float]]) -> None:
    """Whatever the order: what is taken never exceeds the rate's share and two minutes' worth."""
    clock = Clock()
    tenants = Tenants(Limits(audio_s_per_minute=60), clock=clock)
    taken = demanded = 0.0
    for passing, seconds in steps:
        clock.now += passing
        demanded += seconds
        try:
            tenants.heard(identity(), seconds)
            taken += seconds
        except TenantLimitError:
            assert demanded > 120
        assert taken <= (clock.now - 1000) + 120 + 1e-6


async def let_in(caller: Caller) -> bool:
    try:
        await caller.recognize()
    except grpc.aio.AioRpcError:
        return False
    return True


async def test_a_tenant_at_its_limit_is_refused_with_a_delay(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key, other = add_key(path), add_key(path, "other")
    limit_tenant(path, "acme", max_streams=1)
    async with (
        door(api_keys_file=path) as server,
        Caller(server, bearer(key)) as caller,
        Caller(server, bearer(other)) as neighbour,
    ):
        call = caller.stream()
        await call.write(speech_pb2.StreamingRecognizeRequest(config=config_pb2.RecognitionConfig()))
        assert (await call.read()).HasField("session")
        for attempt in (caller.recognize(), caller.stream_seconds(0.1)):
            status, reason, message, retry_ms = await outcome(attempt)
            assert (status, reason, retry_ms) == (*LIMIT, 1000)
            assert "'acme'" in message
        assert await neighbour.recognize()
        limit_tenant(path, "acme", max_streams=2)
        assert await caller.recognize()
        call.cancel()
        limit_tenant(path, "acme", max_streams=1)
        async with asyncio.timeout(60):
            while not await let_in(caller):  # noqa: ASYNC110 - the server has not heard of the end yet
                await asyncio.sleep(0.01)


async def test_a_tenant_who_sends_too_much_audio(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = add_key(path)
    async with (
        door(api_keys_file=path, tenant_audio_s_per_minute=6.0) as server,
        Caller(server, bearer(key)) as caller,
    ):
        assert (await outcome(caller.stream_seconds(5, 5, 5)))[:2] == LIMIT
        status, reason, message, retry_ms = await outcome(caller.recognize())
        assert (status, reason) == LIMIT
        assert "6 seconds of audio per minute" in message
        assert retry_ms is not None
        assert 30_000 < retry_ms <= 60_001
