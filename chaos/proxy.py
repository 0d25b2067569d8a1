"""A TCP proxy in front of one replica, whose network can be made bad and good again while it runs.

Works without privileges and wherever Python does, which network namespaces and ``tc netem`` do not.

    proxy = FaultProxy("127.0.0.1:50061", port)
    await proxy.start()
    await proxy.become(Network(delay_ms=200))
    proxy.cut()
    await proxy.become(GOOD)
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from dataclasses import dataclass

from amira_core.rpc.server import cancel_and_wait
from amira_local.ports import LOOPBACK

_BLOCK_BYTES = 16 * 1024
_IN_FLIGHT_BYTES = 128 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Network:
    """How the network between two services is. The default is a good one."""

    refuses: bool = False
    """New connections are refused; what is connected stays so."""
    stalls: bool = False
    """Connections stay open and are accepted, but no byte passes."""
    delay_ms: float = 0.0
    """What every byte takes longer, each way."""
    bytes_per_s: float | None = None
    """Most that a connection passes each way; None: no bound."""


GOOD = Network()


class FaultProxy:
    """Passes connections on to `upstream` as its `network` allows.

    Args:
        upstream: ``host:port`` of the replica.
        port: loopback port to listen on.

    Attributes:
        target: where to connect instead of `upstream`.
    """

    def __init__(self, upstream: str, port: int) -> None:
        host, _, number = upstream.rpartition(":")
        self._upstream = (host, int(number))
        self._port = port
        self.target = f"{LOOPBACK}:{port}"
        self._network = GOOD
        self._changed = asyncio.Event()
        self._reserved = _socket()
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._connections: set[_Connection] = set()

    async def start(self) -> None:
        """Listens from now on. Raises OSError when the port is taken."""
        # Bound and never listening: keeps the port ours while connections are refused.
        self._reserved.bind((LOOPBACK, self._port))
        self._listen()

    @property
    def network(self) -> Network:
        """How the network is now."""
        return self._network

    async def become(self, network: Network) -> None:
        """Makes the network so, for open connections too."""
        self._network = network
        if network.refuses:
            await self._refuse()
        elif self._listener is None:
            self._listen()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def cut(self) -> None:
        """Resets every open connection on both sides (RST); what was under way is gone."""
        for connection in list(self._connections):
            connection.reset()

    async def close(self) -> None:
        """Resets everything and stops listening. Safe to call twice."""
        await self._refuse()
        self._reserved.close()
        tasks = [connection.task for connection in self._connections]
        self.cut()
        await cancel_and_wait(tasks)

    def forget(self, connection: _Connection) -> None:
        """Called by a connection that is over."""
        self._connections.discard(connection)

    async def passable(self) -> None:
        """Returns once bytes may pass."""
        while self._network.stalls:
            await self._changed.wait()

    def _listen(self) -> None:
        listener = self._listener = _socket()
        listener.bind((LOOPBACK, self._port))
        listener.listen()
        self._accepting = asyncio.create_task(self._accept(listener), name=f"proxy-{self._port}")

    async def _refuse(self) -> None:
        if self._listener is not None and self._accepting is not None:
            await cancel_and_wait([self._accepting])
            self._listener.close()  # not before the loop has let go of it
            self._listener = None

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            connection = _Connection(client, self._upstream, self)
            self._connections.add(connection)


class _Connection:
    """One client's connection with its counterpart to the replica."""

    def __init__(self, client: socket.socket, upstream: tuple[str, int], proxy: FaultProxy) -> None:
        self._client = client
        self._server = _socket()
        self._upstream = upstream
        self._proxy = proxy
        self.task = asyncio.create_task(self._run(), name="proxy-connection")
        self.task.add_done_callback(self._close)

    def reset(self) -> None:
        """Ends it with RST on both sides."""
        self.task.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(self._server, self._upstream)
            for end in (self._client, self._server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_Way(self._client, self._server, self._proxy).run())
                ways.create_task(_Way(self._server, self._client, self._proxy).run())
        except* OSError:
            pass  # one side has reset the connection, or the replica is not there: so does the other

    def _close(self, _: asyncio.Task[None]) -> None:
        for end in (self._client, self._server):
            # After an orderly end of both directions nothing is left to reset.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            end.close()
        self._proxy.forget(self)


class _Way:
    """One direction of a connection: a line on which bytes are `delay_ms` under way."""

    def __init__(self, source: socket.socket, sink: socket.socket, proxy: FaultProxy) -> None:
        self._source = source
        self._sink = sink
        self._proxy = proxy
        self._line: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Returns when the source has ended and all is passed on. Raises OSError on a reset."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take())
            both.create_task(self._give())

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            block = await loop.sock_recv(self._source, _BLOCK_BYTES)
            self._line.append((loop.time(), block))
            self._bytes += len(block)
            self._wake()
            if not block:
                return
            while self._bytes > _IN_FLIGHT_BYTES:
                await self._moved.wait()

    async def _give(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._line:
                await self._moved.wait()
            taken_at, block = self._line[0]
            await asyncio.sleep(taken_at + self._proxy.network.delay_ms / 1000 - loop.time())
            await self._proxy.passable()
            if not block:
                self._sink.shutdown(socket.SHUT_WR)
                return
            await self._send(block)
            self._line.popleft()
            self._bytes -= len(block)
            self._wake()

    async def _send(self, block: bytes) -> None:
        loop = asyncio.get_running_loop()
        rate = self._proxy.network.bytes_per_s
        if rate is None:
            await loop.sock_sendall(self._sink, block)
            return
        step = max(1, int(rate / 20))  # evenly, instead of a block at a time
        for begin in range(0, len(block), step):
            piece = block[begin : begin + step]
            await asyncio.sleep(len(piece) / rate)
            await self._proxy.passable()
            await loop.sock_sendall(self._sink, piece)

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setblocking(False)
    return made
