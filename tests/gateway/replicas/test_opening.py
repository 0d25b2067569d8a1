"""Streams find the replica that takes them, and nothing is left at the ones that did not."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from amira.decoder.v1 import decoder_pb2_grpc
from amira_core import errors
from amira_gateway.replicas.opening import open_on_any
from amira_gateway.replicas.replica import Replica
from amira_gateway.replicas.replica_set import ReplicaSet
from amira_gateway.replicas.settings import ReplicaSettings
from tests.gateway.replicas.servers import (
    IMPATIENT,
    QUICK,
    STAYS_OPEN,
    Call,
    Server,
    echoes,
    finish,
    open_decode,
    servers,
    until,
)

FULL = errors.NoCapacityError("all slots are taken", retry_after_ms=60_000)


@asynccontextmanager
async def replicas(*running: Server | str, settings: ReplicaSettings = QUICK) -> AsyncIterator[ReplicaSet]:
    names = [each if isinstance(each, str) else each.target for each in running]
    replica_set = ReplicaSet("decoder", ",".join(names), settings)
    try:
        yield replica_set
    finally:
        await replica_set.close()


@contextmanager
def unused_port() -> Iterator[str]:
    """A target that refuses connections, and that nobody else takes meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def deaf_port() -> Iterator[str]:
    """A target that takes connections and never says a word, like a stopped process."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def where(replica_set: ReplicaSet, count: int, avoid: tuple[str, ...] = ()) -> Counter[str]:
    """How many of so many streams, one after the other, each replica takes."""
    taken: Counter[str] = Counter()
    for _ in range(count):
        replica, call = await open_on_any(replica_set, open_decode, avoid=avoid)
        taken[replica.target] += 1
        await finish(call)
    return taken


async def test_streams_are_spread_evenly() -> None:
    async with servers(3) as running, replicas(*running) as replica_set:
        assert await where(replica_set, 9) == {server.target: 3 for server in running}


async def test_those_to_avoid_are_taken_when_there_is_nothing_else() -> None:
    async with servers(2) as (first, second), replicas(first, second) as replica_set:
        assert await where(replica_set, 4, avoid=(first.target,)) == {second.target: 4}
        assert sum((await where(replica_set, 2, avoid=(first.target, second.target))).values()) == 2
        second.decoder.refusal = FULL
        assert await where(replica_set, 2, avoid=(first.target,)) == {first.target: 2}


@pytest.mark.parametrize(
    "refusal", [FULL, errors.DrainingError("going"), errors.EncoderLostError("no encoder")]
)
async def test_a_refusal_is_passed_over_and_that_replica_comes_last_for_a_while(
    refusal: errors.AmiraError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amira_gateway.replicas.replica._LOST_S", 60)
    monkeypatch.setattr("amira_gateway.replicas.replica._DRAINING_S", 60)
    async with servers(3) as running, replicas(*running) as replica_set:
        running[1].decoder.refusal = refusal
        taken = await where(replica_set, 8)
        assert taken == {running[0].target: 4, running[2].target: 4}
        assert running[1].decoder.asked == 1


async def test_a_replica_that_takes_streams_again_gets_its_share_again() -> None:
    soon = errors.NoCapacityError("all slots are taken", retry_after_ms=1)
    async with servers(2) as (first, second), replicas(first, second) as replica_set:
        first.decoder.refusal = soon
        await where(replica_set, 2)
        first.decoder.refusal = None
        await until(lambda: not any(replica.held_back for replica in replica_set.replicas))
        assert await where(replica_set, 4) == {first.target: 2, second.target: 2}


async def test_a_dead_replica_is_passed_over() -> None:
    with unused_port() as nobody:
        async with servers(2) as running, replicas(nobody, *running) as replica_set:
            assert await where(replica_set, 6) == {server.target: 3 for server in running}


@pytest.mark.parametrize("port", [unused_port, deaf_port])
async def test_when_all_are_dead_the_loss_is_told_until_the_breakers_open(
    port: Callable[[], AbstractContextManager[str]],
) -> None:
    settings = replace(STAYS_OPEN, accept_timeout_s=0.1)
    with port() as target:
        async with replicas(target, settings=settings) as replica_set:
            (only,) = replica_set.replicas
            while only.breaker.state == "closed":
                with pytest.raises(
                    errors.DecoderLostError, match=r"Open a new stream|did not take the stream"
                ):
                    await open_on_any(replica_set, open_decode)
            with pytest.raises(errors.DecoderLostError, match="No decoder can be reached") as loss:
                await open_on_any(replica_set, open_decode)
            assert loss.value.retry_after_ms is not None
            assert loss.value.retry_after_ms > 400_000  # the breaker's time, not the error's usual one


async def test_capacity_is_refused_at_once_and_says_when_the_first_has_room() -> None:
    async with servers(3) as running, replicas(*running) as replica_set:
        for retry_after_ms, server in zip((4000, 1500, 9000), running, strict=True):
            server.decoder.refusal = errors.NoCapacityError("full", retry_after_ms=retry_after_ms)
        with pytest.raises(errors.NoCapacityError) as refusal:
            await open_on_any(replica_set, open_decode)
        assert refusal.value.retry_after_ms == 1500
        assert [server.decoder.asked for server in running] == [1, 1, 1]
        assert {replica.breaker.state for replica in replica_set.replicas} == {"closed"}


async def test_a_loss_outweighs_missing_capacity() -> None:
    async with servers(2) as (full, lost), replicas(full, lost) as replica_set:
        full.decoder.refusal = FULL
        lost.decoder.refusal = errors.EncoderLostError("no encoder")
        with pytest.raises(errors.EncoderLostError):
            await open_on_any(replica_set, open_decode)
        assert [full.decoder.asked, lost.decoder.asked] == [2, 2]  # one more round, and no more


async def test_a_bad_request_is_told_at_once() -> None:
    async with servers(2) as running, replicas(*running) as replica_set:
        for server in running:
            server.decoder.refusal = errors.UnknownModelError("no such model")
        with pytest.raises(errors.UnknownModelError, match="no such model"):
            await open_on_any(replica_set, open_decode, recover_for_s=60)
        assert sum(server.decoder.asked for server in running) == 1


async def test_a_defect_in_the_caller_is_no_failure_of_the_replica() -> None:
    async def defective(replica: Replica) -> Call:
        raise KeyError("defect")

    async with servers(1) as (server,), replicas(server) as replica_set:
        for _ in range(QUICK.breaker_failures + 1):
            with pytest.raises(KeyError):
                await open_on_any(replica_set, defective)
        assert await where(replica_set, 1)


async def test_a_replica_that_hangs_is_passed_over_and_its_calls_end() -> None:
    async with servers(2) as (hung, works), replicas(hung, works, settings=IMPATIENT) as replica_set:
        hung.decoder.answering.clear()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(10):
                tasks.create_task(where(replica_set, 1))
        assert works.decoder.asked == 10
        assert hung.decoder.asked == 5
        await until(lambda: hung.decoder.streams == 0)
        states = {replica.target: replica.breaker.state for replica in replica_set.replicas}
        assert states == {hung.target: "open", works.target: "closed"}
        # From now on streams do not even try it.
        await where(replica_set, 4)
        assert hung.decoder.asked == 5


async def test_a_replica_that_hangs_is_not_tried_twice() -> None:
    async with servers(1) as (hung,), replicas(hung, settings=replace(QUICK, accept_timeout_s=0.1)) as only:
        hung.decoder.answering.clear()
        with pytest.raises(errors.DecoderLostError, match=r"did not take the stream within 0\.1 s"):
            await open_on_any(only, open_decode)
        assert hung.decoder.asked == 1


async def test_a_start_has_an_end_however_many_replicas_hang() -> None:
    async with servers(4) as running, replicas(*running, settings=QUICK) as replica_set:
        for server in running:
            server.decoder.answering.clear()
        with pytest.raises(errors.DecoderLostError, match="in time"):
            await open_on_any(replica_set, open_decode, recover_for_s=60, within_s=0.5)
        assert sum(server.decoder.asked for server in running) == 1
        assert {replica.breaker.state for replica in replica_set.replicas} == {"closed"}
        await until(lambda: not any(server.decoder.streams for server in running))
        with pytest.raises(errors.DecoderLostError, match="in time"):
            await open_on_any(replica_set, open_decode, within_s=0)
        assert sum(server.decoder.asked for server in running) == 1


async def test_a_call_that_was_cancelled_is_a_loss_where_the_caller_was_not() -> None:
    async def cut_off(replica: Replica) -> None:
        stub: Any = decoder_pb2_grpc.DecoderStub(replica.channel)
        call = stub.Decode()
        asyncio.get_running_loop().call_later(0.02, call.cancel)
        await call.read()  # grpc.aio raises CancelledError

    async with servers(1) as (server,), replicas(server) as replica_set:
        with pytest.raises(errors.DecoderLostError, match="cut off"):
            await open_on_any(replica_set, cut_off)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0


async def test_a_port_that_takes_connections_and_says_nothing_is_passed_over() -> None:
    with deaf_port() as deaf:
        async with servers(1) as (works,), replicas(deaf, works, settings=IMPATIENT) as replica_set:
            assert await where(replica_set, 4) == {works.target: 4}


async def test_fifty_streams_after_a_restart_make_one_probe_and_all_get_through() -> None:
    async with servers(1) as (server,), replicas(server) as replica_set:
        (replica,) = replica_set.replicas
        await where(replica_set, 1)
        await server.stop()
        while replica.breaker.state == "closed":
            with pytest.raises(errors.DecoderLostError):
                await open_on_any(replica_set, open_decode)
        await server.start()
        server.decoder.answering.clear()
        asked = server.decoder.asked
        opening = [
            asyncio.create_task(open_on_any(replica_set, open_decode, recover_for_s=60)) for _ in range(50)
        ]
        await until(lambda: server.decoder.asked > asked)
        for _ in range(20):
            await asyncio.sleep(0.005)
            assert server.decoder.asked == asked + 1
        assert replica.breaker.state == "half-open"
        server.decoder.answering.set()
        opened = await asyncio.gather(*opening)
        assert replica.breaker.state == "closed"
        assert server.decoder.streams == 50
        for _, call in opened:
            call.cancel()
        await until(lambda: server.decoder.streams == 0 and not replica.in_use)


async def test_recovery_waits_for_a_replica_that_comes_back() -> None:
    async with servers(1) as (server,), replicas(server) as replica_set:
        await server.stop()
        opening = asyncio.create_task(open_on_any(replica_set, open_decode, recover_for_s=60))
        await until(lambda: replica_set.replicas[0].breaker.state == "open")
        await server.start()
        _, call = await opening
        assert await echoes(call)
        call.cancel()


@pytest.mark.parametrize("refusal", [FULL, errors.DrainingError("going"), errors.EncoderLostError("gone")])
async def test_recovery_tries_again_and_ends(refusal: errors.AmiraError) -> None:
    async with servers(2) as running, replicas(*running) as replica_set:
        for server in running:
            server.decoder.refusal = refusal
        with pytest.raises(type(refusal)):
            await open_on_any(replica_set, open_decode, recover_for_s=1.5)
        # Pauses of 25 ms or more that double, up to 500 ms or more: eight fit in.
        assert all(3 <= server.decoder.asked <= 9 for server in running)


async def test_recovery_finds_room_that_was_made_meanwhile() -> None:
    async with servers(1) as (server,), replicas(server) as replica_set:
        server.decoder.refusal = FULL
        opening = asyncio.create_task(open_on_any(replica_set, open_decode, recover_for_s=60))
        await until(lambda: server.decoder.asked >= 2)
        server.decoder.refusal = None
        _, call = await opening
        call.cancel()


@pytest.mark.parametrize("phase", ["connecting", "waiting", "probing", "between rounds"])
async def test_a_cancelled_caller_leaves_nothing_behind(phase: str) -> None:
    with deaf_port() as deaf:
        async with servers(1) as (server,):
            target = deaf if phase == "connecting" else server.target
            async with replicas(target, settings=QUICK) as replica_set:
                (replica,) = replica_set.replicas
                if phase == "probing":
                    for _ in range(QUICK.breaker_failures):
                        replica.breaker.failed()
                    await until(lambda: replica.breaker.allows)
                if phase == "between rounds":
                    server.decoder.refusal = FULL
                else:
                    server.decoder.answering.clear()
                opening = asyncio.create_task(open_on_any(replica_set, open_decode, recover_for_s=60))
                if phase == "connecting":
                    await until(lambda: replica.in_use)
                elif phase == "between rounds":
                    await until(lambda: server.decoder.asked == 1 and not replica.in_use)
                else:
                    await until(lambda: server.decoder.streams == 1)
                opening.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await opening
                await until(lambda: server.decoder.streams == 0 and not replica.in_use)
                assert replica.breaker.state == ("half-open" if phase == "probing" else "closed")
                assert replica.breaker.allows
                server.decoder.refusal = None
                server.decoder.answering.set()
                if phase != "connecting":
                    assert await where(replica_set, 1) == {server.target: 1}
                    assert replica.breaker.state == "closed"


async def test_cancelling_at_any_moment_loses_no_call() -> None:
    async with servers(2) as running, replicas(*running) as replica_set:
        running[0].decoder.refusal = FULL
        opened: list[Call] = []

        async def open_and_keep() -> None:
            _, call = await open_on_any(replica_set, open_decode)
            opened.append(call)

        for steps in range(40):
            task = asyncio.create_task(open_and_keep())
            for _ in range(steps):
                await asyncio.sleep(0.0005)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await open_and_keep()
        assert len(opened) < 40
        await until(lambda: running[1].decoder.streams == len(opened))
        for call in opened:
            call.cancel()
        await until(lambda: not any(replica.in_use for replica in replica_set.replicas))
        assert {replica.breaker.state for replica in replica_set.replicas} == {"closed"}


async def test_channels_that_are_closed_meanwhile_are_a_loss_not_a_cancellation() -> None:
    async with servers(2) as running, replicas(*running) as replica_set:
        for server in running:
            server.decoder.answering.clear()
        opening = asyncio.create_task(open_on_any(replica_set, open_decode))
        await until(lambda: sum(server.decoder.streams for server in running) == 1)
        await replica_set.close()
        with pytest.raises(errors.DecoderLostError):
            await opening
        assert sum(server.decoder.asked for server in running) == 1
