"""The audit log: a line for each call, with who and how much, without keys and without words."""

from __future__ import annotations

import asyncio
import contextvars
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from amira.asr.v1 import config_pb2, speech_pb2
from amira_gateway.access.audit import AuditLog, trace_id
from amira_gateway.access.call_record import CURRENT, CallRecord, current_identity, join, take_place
from amira_gateway.access.identity import ANYBODY, Limits, Scope
from amira_gateway.access.key_file import read_key_file
from amira_gateway.access.tenants import Tenants
from tests.gateway.access.door import SECRET_WORDS, Caller, add_key, bearer, door, outcome

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STREAM = "/amira.asr.v1.Speech/StreamingRecognize"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def audited(log: list[Any]) -> list[Any]:
    return [line for line in log if line["event"] == "audit"]


async def test_accepted_and_refused_calls_have_a_line_each(path: Path) -> None:
    key = add_key(path, "acme", Scope.RECOGNIZE)
    with capture_logs() as log:
        async with door(api_keys_file=path) as server:
            async with Caller(server, [*bearer(key), ("traceparent", TRACE)]) as caller:
                assert await caller.stream_seconds(1.5, 2.0) == 4
            async with Caller(server, bearer(f"{key}x")) as caller:
                await outcome(caller.stream_seconds(1.0))
    accepted, refused = audited(log)
    assert accepted["decision"] == "accepted"
    assert accepted["status"] == "OK"
    assert accepted["tenant"] == "acme"
    assert accepted["key_id"] == read_key_file(path).keys[0].id
    assert accepted["peer"].startswith("ipv4:127.0.0.1:")
    assert accepted["method"] == STREAM
    assert accepted["audio_s"] == 3.5
    assert accepted["session_id"] == "session-1"
    assert accepted["trace_id"] == TRACE.split("-")[1]
    assert (refused["decision"], refused["status"]) == ("refused", "UNAUTHENTICATED")
    assert (refused["tenant"], refused["key_id"], refused["audio_s"]) == ("", "", 0.0)
    assert refused["peer"].startswith("ipv4:127.0.0.1:")


async def test_no_line_holds_a_key_or_what_was_said(path: Path) -> None:
    key = add_key(path)
    wrong = "amira_0123456789abcdef_not-a-key-but-typed-by-someone"
    with capture_logs() as log:
        async with door(api_keys_file=path) as server:
            async with Caller(server, bearer(key)) as caller:
                await caller.stream_seconds(0.5)
                await caller.recognize()
            async with Caller(server, bearer(wrong)) as caller:
                await outcome(caller.stream_seconds(0.5))
                await outcome(caller.recognize())
    assert len(audited(log)) == 4
    everything = json.dumps(log, default=str)
    for secret in (key, key.split("_", 2)[2], wrong, wrong.split("_", 2)[2], SECRET_WORDS):
        assert secret not in everything


async def test_how_calls_ended_is_told(path: Path) -> None:
    key = add_key(path)
    with capture_logs() as log:
        async with (
            door(api_keys_file=path, tenant_audio_s_per_minute=1.0) as server,
            Caller(server, bearer(key)) as caller,
        ):
            call = caller.stream()
            await call.write(speech_pb2.StreamingRecognizeRequest(config=config_pb2.RecognitionConfig()))
            assert (await call.read()).HasField("session")
            call.cancel()
            async with asyncio.timeout(60):
                while not audited(log):  # noqa: ASYNC110 - the log announces nothing
                    await asyncio.sleep(0.01)
            await outcome(caller.stream_seconds(5.0))
            await outcome(caller.stream_seconds(5.0))
    lines = audited(log)
    assert [(line["decision"], line["status"]) for line in lines] == [
        ("accepted", "CANCELLED"),
        ("accepted", "TENANT_LIMIT"),
        ("refused", "TENANT_LIMIT"),
    ]
    assert [line["tenant"] for line in lines] == ["acme"] * 3


async def test_where_everybody_may_come_in_nothing_is_audited() -> None:
    with capture_logs() as log:
        async with door() as server, Caller(server) as caller:
            await caller.stream_seconds(0.1)
    assert audited(log) == []


def test_a_flood_of_refusals_does_not_fill_the_disk() -> None:
    now = 100.0
    audit = AuditLog(lambda: now)
    record = CallRecord(STREAM, "ipv4:192.0.2.1:1")
    with capture_logs() as log:
        for _ in range(5000):
            audit.refused(record, "UNAUTHENTICATED", "no")
        now += 1
        audit.refused(record, "UNAUTHENTICATED", "no")
    assert len(log) == 21
    assert log[-1]["not_logged_before"] == 4980


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (TRACE, TRACE[3:35]),
        (None, ""),
        (b"\xff", ""),
        ("", ""),
        ("00-xyz-1-01", ""),
        (TRACE + "\nforged", ""),
    ],
)
def test_trace_ids(header: object, found: str) -> None:
    assert trace_id(header) == found


def test_outside_of_a_call_nothing_is_bounded() -> None:
    place = take_place("s")
    place.heard(1e9)
    place.close()
    assert current_identity() is None


def test_the_audio_of_a_session_is_told_call_by_call() -> None:
    """A session that goes on in another call: each line has its own share."""

    def record() -> CallRecord:
        made = CallRecord(STREAM, "peer", identity=ANYBODY, tenants=Tenants(Limits()))
        CURRENT.set(made)
        return made

    def calls() -> tuple[CallRecord, CallRecord]:
        first = record()
        place = take_place("s-7")
        place.heard(2.0)
        place.heard(3.5)
        assert first.audio_s == 3.5
        second = record()
        join(place)
        place.heard(3.5)
        place.heard(5.0)
        place.close()
        return first, second

    first, second = contextvars.copy_context().run(calls)
    assert second.audio_s == 1.5
    assert first.session_id == second.session_id == "s-7"
