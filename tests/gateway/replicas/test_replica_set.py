"""Which replicas there are: names looked up, addresses that vanish, breakers that are probed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from structlog.testing import capture_logs

from amira_core import errors
from amira_core.rpc.server import cancel_and_wait
from amira_core.security import transport
from amira_core.security.client_tls import ClientTls
from amira_core.security.server_tls import ServerTls
from amira_core.security.transport import Transport
from amira_gateway.replicas.opening import open_on_any
from amira_gateway.replicas.replica_set import ReplicaSet
from tests.gateway.replicas.servers import (
    QUICK,
    STAYS_OPEN,
    Server,
    echoes,
    finish,
    open_decode,
    servers,
    targets,
    until,
)
from tests.support.certificates import Authority


class Names:
    """A name service of one name."""

    def __init__(self, *running: Server) -> None:
        self.found = [server.target for server in running]
        self.broken = False
        self.lookups = 0

    async def look_up(self, host: str, port: int) -> list[str]:
        assert (host, port) == ("decoder", 50_071)
        self.lookups += 1
        if self.broken:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return list(self.found)

    async def looked_up_again(self) -> None:
        """Waits until what holds now has been found."""
        lookups = self.lookups
        await until(lambda: self.lookups > lookups + 1)


@asynccontextmanager
async def following(names: Names, text: str = "dns:///decoder:50071") -> AsyncIterator[ReplicaSet]:
    """A set that runs."""
    replica_set = ReplicaSet("decoder", text, QUICK, look_up=names.look_up)
    running = asyncio.create_task(replica_set.run())
    try:
        yield replica_set
        assert not running.done(), running
    finally:
        await cancel_and_wait([running])
        await replica_set.close()


@asynccontextmanager
async def static(*running: Server) -> AsyncIterator[ReplicaSet]:
    async with following(Names(), targets(*running)) as replica_set:
        yield replica_set


def known(replica_set: ReplicaSet) -> list[str]:
    return [replica.target for replica in replica_set.replicas]


def break_open(replica_set: ReplicaSet, *running: Server) -> None:
    """Opens the breakers of some replicas, as many streams that are lost at once do."""
    for replica in replica_set.replicas:
        if replica.target in {server.target for server in running}:
            for _ in range(QUICK.breaker_failures):
                replica.lost(errors.DecoderLostError("gone"))
            assert replica.breaker.state == "open"


async def test_a_static_list_is_there_at_once() -> None:
    replica_set = ReplicaSet("decoder", "127.0.0.1:1,[::1]:2", QUICK)
    assert known(replica_set) == ["127.0.0.1:1", "[::1]:2"]
    assert await replica_set.unhealthy()
    await replica_set.close()


def test_targets_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(ValueError, match="no port"):
        ReplicaSet("decoder", "127.0.0.1", QUICK)


async def test_the_order_goes_round_and_those_held_back_or_avoided_come_later() -> None:
    replica_set = ReplicaSet("decoder", "a:1,b:1,c:1,d:1", STAYS_OPEN)
    a, b, c, d = replica_set.replicas
    for expected in ([a, b, c, d], [b, c, d, a], [c, d, a, b], [d, a, b, c]):
        assert replica_set.candidates() == expected
        with expected[0].attempt():
            pass
    a.drains()
    assert replica_set.candidates(avoid=["d:1"]) == [b, c, a, d]
    for _ in range(QUICK.breaker_failures):
        b.lost(errors.DecoderLostError("gone"))
    assert replica_set.candidates(avoid=["d:1"]) == [c, a, d]
    await replica_set.close()


@pytest.mark.parametrize(
    ("error", "held_back", "state"),
    [
        (errors.DecoderLostError("gone"), True, "open"),
        (errors.EncoderLostError("gone"), True, "open"),
        (errors.DrainingError("going"), True, "closed"),
        (errors.NoCapacityError("full"), True, "closed"),
        (errors.InvalidRequestError("bad"), False, "closed"),
    ],
)
async def test_what_ended_running_streams_is_remembered(
    error: errors.AmiraError, held_back: bool, state: str
) -> None:
    replica_set = ReplicaSet("decoder", "a:1", QUICK)
    (replica,) = replica_set.replicas
    for _ in range(QUICK.breaker_failures):
        replica.lost(error)
    assert (replica.held_back, replica.breaker.state) == (held_back, state)
    await replica_set.close()


async def test_while_no_breaker_lets_a_call_through_the_error_says_what_was_lost_and_when_to_try() -> None:
    replica_set = ReplicaSet("decoder", "a:1", STAYS_OPEN)
    for _ in range(QUICK.breaker_failures):
        replica_set.replicas[0].lost(errors.EncoderLostError("gone"))
    assert replica_set.candidates() == []
    error = replica_set.unreachable()
    assert isinstance(error, errors.EncoderLostError)
    assert error.retry_after_ms is not None
    assert error.retry_after_ms > 400_000
    await replica_set.close()


async def test_new_addresses_get_streams_and_vanished_ones_get_none() -> None:
    async with servers(3) as (first, second, third):
        names = Names(first, second)
        async with following(names) as replica_set:
            await until(lambda: known(replica_set) == [first.target, second.target])
            kept = replica_set.replicas[1]
            names.found = [second.target, third.target]
            await until(lambda: known(replica_set) == [second.target, third.target])
            assert replica_set.replicas[0] is kept
            for _ in range(4):
                replica, call = await open_on_any(replica_set, open_decode)
                assert replica.target != first.target
                await finish(call)
            assert first.decoder.asked == 0


async def test_a_stream_outlives_its_address_and_then_the_channel_is_closed() -> None:
    async with servers(2) as (first, second):
        names = Names(first)
        async with following(names) as replica_set:
            await until(lambda: known(replica_set) == [first.target])
            replica, call = await open_on_any(replica_set, open_decode)
            names.found = [second.target]
            await until(lambda: known(replica_set) == [second.target])
            for _ in range(5):
                await asyncio.sleep(0.05)
                assert await echoes(call)
            assert replica.in_use
            await finish(call)
            await until(lambda: replica.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN)
            assert first.decoder.streams == 0


async def test_an_address_that_comes_back_is_the_replica_that_it_was() -> None:
    async with servers(2) as (first, second):
        names = Names(first)
        async with following(names) as replica_set:
            await until(lambda: known(replica_set) == [first.target])
            replica, call = await open_on_any(replica_set, open_decode)
            names.found = [second.target]
            await until(lambda: known(replica_set) == [second.target])
            names.found = [first.target, second.target]
            await until(lambda: first.target in known(replica_set))
            assert replica in replica_set.replicas
            await finish(call)
            await names.looked_up_again()
            assert replica.channel.get_state() is not grpc.ChannelConnectivity.SHUTDOWN


async def test_the_old_addresses_stay_while_the_name_cannot_be_looked_up() -> None:
    async with servers(2) as (first, second):
        names = Names(first)
        async with following(names) as replica_set:
            await until(lambda: known(replica_set) == [first.target])
            with capture_logs() as log:
                names.broken = True
                await names.looked_up_again()
                await names.looked_up_again()
                assert known(replica_set) == [first.target]
                names.found, names.broken = [second.target], False
                await until(lambda: known(replica_set) == [second.target])
            assert [line["event"] for line in log].count("lookup_failed") == 1


async def test_streams_wait_for_a_name_that_is_not_known_yet() -> None:
    async with servers(1) as (server,):
        names = Names(server)
        names.broken = True
        async with following(names) as replica_set:
            with pytest.raises(errors.DecoderLostError, match="No decoder can be reached"):
                await open_on_any(replica_set, open_decode)
            assert await replica_set.unhealthy()
            opening = asyncio.create_task(open_on_any(replica_set, open_decode, recover_for_s=60))
            names.broken = False
            _, call = await opening
            await finish(call)


async def test_a_real_name_and_an_ipv6_literal() -> None:
    async with servers(1) as (server,):
        replica_set = ReplicaSet("decoder", f"dns:///localhost:{server.port},dns:///[::1]:1", QUICK)
        running = asyncio.create_task(replica_set.run())
        await until(lambda: {server.target, "[::1]:1"} <= set(known(replica_set)))
        assert not await replica_set.unhealthy()
        await cancel_and_wait([running])
        await replica_set.close()


async def test_streams_reach_a_replica_by_its_ipv6_literal() -> None:
    async with servers(1, host="[::1]") as (server,), static(server) as replica_set:
        replica, call = await open_on_any(replica_set, open_decode)
        assert replica.target == f"[::1]:{server.port}"
        await finish(call)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def over_tls(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Transport:
    """Of a server with a certificate for ``decoder``, from an authority that this process trusts."""
    pair = authority.issue("server", host="decoder")
    monkeypatch.setattr(transport, "_current", Transport(client=ClientTls(authority.ca)))
    return Transport(server=ServerTls(pair.cert, pair.key))


async def test_replicas_of_a_name_show_a_certificate_for_the_name(over_tls: Transport) -> None:
    # The certificate is good for 127.0.0.1, too, but not for 127.0.0.2.
    async with servers(1, host="127.0.0.2", transport=over_tls) as (server,):
        async with following(Names(server)) as replica_set:
            await until(lambda: known(replica_set) == [server.target])
            _, call = await open_on_any(replica_set, open_decode)
            assert await echoes(call)
            call.cancel()
        async with static(server) as replica_set:
            with pytest.raises(errors.DecoderLostError):
                await open_on_any(replica_set, open_decode)


async def test_one_healthy_replica_is_enough() -> None:
    async with servers(2) as (first, second), static(first, second) as replica_set:
        assert not await replica_set.unhealthy()
        await first.ready(False)
        assert not await replica_set.unhealthy()
        await second.stop()
        assert await replica_set.unhealthy()


async def test_a_replica_that_is_back_gets_streams_without_one_that_tries() -> None:
    async with servers(2) as (first, second), static(first, second) as replica_set:
        await first.ready(False)
        break_open(replica_set, first)
        replica = replica_set.replicas[0]
        for _ in range(3):
            await until(lambda: replica.breaker.allows)
            await until(lambda: not replica.breaker.allows)  # probed and found not ready
        await first.ready(True)
        await until(lambda: replica.breaker.state == "closed")
        assert first.decoder.asked == 0
        assert not replica.held_back


async def test_without_others_the_streams_themselves_probe() -> None:
    async with servers(1) as (server,), static(server) as replica_set:
        await server.ready(False)  # it takes streams whatever it says
        break_open(replica_set, server)
        (replica,) = replica_set.replicas
        await until(lambda: replica.breaker.allows)
        for _ in range(50):
            await asyncio.sleep(0.005)
            assert replica.breaker.allows
        _, call = await open_on_any(replica_set, open_decode)
        assert replica.breaker.state == "closed"
        await finish(call)
