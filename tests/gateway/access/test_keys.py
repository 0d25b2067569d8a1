"""API keys: which are let in, to what, and that nothing of a refused call is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core.errors import UnauthenticatedError
from amira_gateway.access.api_keys import ApiKeys
from amira_gateway.access.identity import Scope
from amira_gateway.access.key_file import KeyFileError, changing, now_utc, read_key_file
from tests.gateway.access.door import Caller, add_key, bearer, change_key, door, outcome
from tests.support.speech_server import ScriptedSpeech

REFUSED = ("UNAUTHENTICATED", "UNAUTHENTICATED")
DENIED = ("PERMISSION_DENIED", "PERMISSION_DENIED")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def key(path: Path) -> str:
    return add_key(path)


@pytest.fixture
async def server(path: Path, key: str) -> AsyncIterator[ScriptedSpeech]:
    async with door(api_keys_file=path) as scripted:
        yield scripted


def read(path: Path) -> str:
    return path.read_text()


def write(path: Path, content: str | None) -> None:
    """None: the file goes."""
    if content is None:
        path.unlink()
    else:
        path.write_text(content)


async def refusals(server: ScriptedSpeech, metadata: Any) -> set[tuple[str, str, str]]:
    """Status, reason and message of every method, called with `metadata`."""
    async with Caller(server, metadata) as caller:
        attempts = (caller.stream_seconds(0.1), caller.recognize(), caller.describe())
        return {(await outcome(attempt))[:3] for attempt in attempts}


@pytest.mark.parametrize("how", ["authorization", "lower case", "x-api-key"])
async def test_a_good_key_is_let_in(server: ScriptedSpeech, key: str, how: str) -> None:
    metadata = {
        "authorization": bearer(key),
        "lower case": [("authorization", f"bearer  {key} ")],
        "x-api-key": [("x-api-key", key)],
    }[how]
    async with Caller(server, metadata) as caller:
        assert await caller.stream_seconds(0.1, 0.1) == 4
        assert (await caller.recognize()).session.session_id == "s-1"
        assert (await caller.describe()).server_version == "scripted"


async def test_calls_without_a_key_are_refused_and_told_what_to_send(server: ScriptedSpeech) -> None:
    [(status, reason, message)] = await refusals(server, [])
    assert (status, reason) == REFUSED
    assert "authorization: Bearer" in message


async def test_unknown_wrong_and_revoked_keys_get_one_answer(
    server: ScriptedSpeech, key: str, path: Path
) -> None:
    revoked = add_key(path)
    change_key(path, revoked, revoked=now_utc())
    prefix, identifier, secret = key.split("_", 2)  # the secret may have underscores, too
    stem = f"{prefix}_{identifier}"
    flipped = ("A" if secret[0] != "A" else "B") + secret[1:]
    wrong = [
        f"{stem}_{flipped}",  # the right id, another secret
        f"{stem}_",
        stem,
        f"amira_{'0' * 16}_{secret}",  # another id, the right secret
        revoked,
        "amira_",
        "whatever",
        f"{key}x",
        key.upper(),
    ]
    answers = [await refusals(server, bearer(candidate)) for candidate in wrong]
    assert all(answer == answers[0] for answer in answers)
    [(status, reason, message)] = answers[0]
    assert (status, reason) == REFUSED
    assert "not valid" in message
    assert not server.requests
    assert not server.unary_requests


async def test_an_expired_key_is_named_to_who_has_it_and_to_nobody_else(
    server: ScriptedSpeech, path: Path
) -> None:
    late = add_key(path, expires=now_utc() - timedelta(seconds=1))
    [(status, reason, message)] = await refusals(server, bearer(late))
    assert (status, reason) == REFUSED
    assert "expired" in message
    [(_, _, message)] = await refusals(server, bearer(late[:-1]))
    assert "expired" not in message


@pytest.mark.parametrize(
    "metadata",
    [
        [("authorization", "Basic dXNlcjpwYXNz")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", "")],
        [("x-api-key", "")],
    ],
)
async def test_other_schemes_are_refused(server: ScriptedSpeech, metadata: Any) -> None:
    [(status, reason, _)] = await refusals(server, metadata)
    assert (status, reason) == REFUSED


async def test_two_keys_are_one_too_many(server: ScriptedSpeech, key: str) -> None:
    [(status, reason, message)] = await refusals(server, [*bearer(key), ("x-api-key", key)])
    assert (status, reason) == REFUSED
    assert "more than one" in message


async def test_scopes(server: ScriptedSpeech, path: Path) -> None:
    describe, admin = add_key(path, "acme", Scope.DESCRIBE), add_key(path, "acme", Scope.ADMIN)
    async with Caller(server, bearer(describe)) as caller:
        assert await caller.describe()
        for attempt in (caller.recognize(), caller.stream_seconds(0.1)):
            status, reason, message, _ = await outcome(attempt)
            assert (status, reason) == DENIED
            assert "`recognize`" in message
    async with Caller(server, bearer(admin)) as caller:
        assert await caller.describe()
        assert await caller.recognize()


async def test_a_refused_call_is_not_read(server: ScriptedSpeech) -> None:
    async with Caller(server) as caller:
        assert (await outcome(caller.recognize(bytes(3_900_000))))[:2] == REFUSED
        call = caller.stream()  # says nothing at all, and is refused all the same
        assert (await outcome(call.read()))[:2] == REFUSED
    assert not server.requests
    assert not server.unary_requests


async def test_health_is_open_and_reflection_is_not(server: ScriptedSpeech, key: str) -> None:
    async def services(metadata: Any) -> int:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(caller.channel)  # type: ignore[no-untyped-call]
        questions = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        call = stub.ServerReflectionInfo(questions, metadata=metadata)
        [answer] = [answer async for answer in call]
        return len(answer.list_services_response.service)

    async with Caller(server) as caller:
        health: Any = health_pb2_grpc.HealthStub(caller.channel)  # type: ignore[no-untyped-call]
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == 1
        assert (await outcome(services([])))[:2] == REFUSED
        assert await services(bearer(key)) == 3


async def test_unknown_methods_are_told_only_to_those_with_a_key(server: ScriptedSpeech, key: str) -> None:
    async with Caller(server) as caller:
        for name in ("/amira.asr.v1.Speech/No", "/grpc.health.v1.Health/No"):
            method = caller.channel.unary_unary(name)
            assert (await outcome(method(b"")))[:2] == REFUSED
            assert (await outcome(method(b"", metadata=bearer(key))))[0] == "UNIMPLEMENTED"


async def test_keys_made_and_revoked_while_the_server_runs(
    server: ScriptedSpeech, key: str, path: Path
) -> None:
    new = add_key(path, "other")
    async with Caller(server, bearer(new)) as caller:
        assert await caller.describe()
        change_key(path, new, revoked=now_utc())
        assert (await outcome(caller.describe()))[:2] == REFUSED
    async with Caller(server, bearer(key)) as caller:
        assert await caller.describe()


async def test_a_damaged_key_file_leaves_the_keys_as_they_were(
    server: ScriptedSpeech, key: str, path: Path
) -> None:
    good = read(path)
    async with Caller(server, bearer(key)) as caller:
        with capture_logs() as log:
            for damage in ("{", '{"keys": 7}', good.replace('"scopes"', '"scope"')):
                write(path, damage)
                assert await caller.describe()
            write(path, None)
            assert await caller.describe()
        problems = [line["problem"] for line in log if line["event"] == "files_not_reloaded"]
        assert len(problems) == 4
        assert all(str(path) in problem for problem in problems)
        record = json.loads(good)["keys"][0]
        assert not any(record["hash"] in problem or record["salt"] in problem for problem in problems)
        write(path, good)
        assert await caller.describe()


async def test_a_unary_request_that_does_not_come_is_given_up(path: Path, key: str) -> None:
    async with (
        door(api_keys_file=path, unary_read_timeout_s=0.2) as server,
        Caller(server, bearer(key)) as caller,
    ):
        silent = caller.channel.stream_unary("/amira.asr.v1.Speech/Recognize")(
            metadata=bearer(key), timeout=90
        )
        assert (await outcome(silent))[:2] == ("ABORTED", "IDLE_TIMEOUT")
        empty = caller.channel.stream_unary("/amira.asr.v1.Speech/Recognize")(
            iter(()), metadata=bearer(key), timeout=90
        )
        assert (await outcome(empty))[:2] == ("FAILED_PRECONDITION", "PROTOCOL")
        assert await caller.recognize()


async def test_a_request_that_is_no_message_is_refused(server: ScriptedSpeech, key: str) -> None:
    async with Caller(server) as caller:
        method = caller.channel.unary_unary("/amira.asr.v1.Speech/Recognize")
        garbage = b"\xff\xff\xff"
        status, reason, _, _ = await outcome(method(garbage, metadata=bearer(key), timeout=90))
        assert (status, reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        stream = caller.channel.stream_unary("/amira.asr.v1.Speech/StreamingRecognize")
        status, reason, _, _ = await outcome(stream(iter([garbage]), metadata=bearer(key), timeout=90))
        assert (status, reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")


async def test_a_stream_outlives_its_key_and_a_new_one_does_not_begin(
    server: ScriptedSpeech, key: str, path: Path
) -> None:
    async with Caller(server, bearer(key)) as caller:
        call = caller.stream()
        await call.write(speech_pb2.StreamingRecognizeRequest(config=config_pb2.RecognitionConfig()))
        assert (await call.read()).HasField("session")
        change_key(path, key, revoked=now_utc())
        assert (await outcome(caller.describe()))[:2] == REFUSED
        await call.write(speech_pb2.StreamingRecognizeRequest(audio=speech_pb2.AudioChunk(content=b"1234")))
        assert (await call.read()).HasField("result")
        call.cancel()


def test_every_kind_of_bad_file_is_named(path: Path, key: str) -> None:
    good = json.loads(path.read_text())
    record = good["keys"][0]
    bad: list[Any] = [
        {"keys": [record, record]},
        {"keys": [{**record, "hash": "00"}]},
        {"keys": [{**record, "id": "x"}]},
        {"keys": [{**record, "scopes": []}]},
        {"keys": [{**record, "scopes": ["everything"]}]},
        {"keys": [{**record, "expires": "2030-01-01T00:00:00"}]},  # in whose time zone?
        {"keys": [{**record, "password": "x"}]},
        {"tenants": {"acme": {"max_streams": 0}}},
        [],
    ]
    for content in bad:
        path.write_text(json.dumps(content))
        with pytest.raises(KeyFileError, match=r"keys\.json") as problem:
            ApiKeys(path)
        assert record["salt"] not in str(problem.value)
    path.unlink()
    with pytest.raises(KeyFileError, match="amira keys create"):
        ApiKeys(path)


def test_the_file_is_for_its_owner_and_holds_no_key(path: Path, key: str) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert key.split("_", 2)[2] not in path.read_text()


async def test_changes_at_once_are_all_kept(path: Path) -> None:
    keys = await asyncio.gather(*(asyncio.to_thread(add_key, path, f"t{n}") for n in range(12)))
    known = ApiKeys(path)
    assert {known.identify(key).tenant for key in keys} == {f"t{n}" for n in range(12)}


def test_an_error_while_changing_changes_nothing(path: Path, key: str) -> None:
    before = path.read_text()

    def fail() -> None:
        with changing(path) as box:
            box[0] = box[0].model_copy(update={"keys": ()})
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert path.read_text() == before
    assert len(read_key_file(path).keys) == 1
    assert [entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")] == []


def test_two_keys_never_look_alike(path: Path) -> None:
    keys = {add_key(path) for _ in range(20)}
    records = read_key_file(path).keys
    assert len(keys) == len({record.salt for record in records}) == len({record.hash for record in records})
    with pytest.raises(UnauthenticatedError):
        ApiKeys(path).identify(keys.pop().replace("amira_", "amira_x"))


async def test_a_door_without_keys_is_open_and_says_so(path: Path) -> None:
    with capture_logs() as log:
        async with door() as server, Caller(server) as caller:
            assert await caller.stream_seconds(0.1) == 3
            assert await caller.recognize()
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await caller.channel.unary_unary("/amira.asr.v1.Speech/No")(b"")
            assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert [line["event"] for line in log if line["log_level"] == "warning"] == ["open_to_everybody"]
