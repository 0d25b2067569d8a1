"""gRPC calls between services of one process: grpc.aio's interfaces, without bytes, sockets or threads.

    stub ──► InProcessChannel ──► InProcessCall ──Pipe──► ServerContext ──► interceptors ──► servicer
                                                ◄─Pipe──

A server is registered under a name when it starts; channels to ``in-process:NAME`` find it there. What
callers and servicers see is what they see over the wire (tests hold both to the same conversations), but for
three things: messages are passed on as they are, so nobody may change one after it was sent; a write that has
room does not wait at all; and a handler whose caller cancels is cancelled at once, without an EOF before.
"""

from __future__ import annotations

from amira_core.rpc.in_process.address import SCHEME, in_process_name
from amira_core.rpc.in_process.channel import InProcessChannel
from amira_core.rpc.in_process.server import InProcessServer

__all__ = ["SCHEME", "InProcessChannel", "InProcessServer", "in_process_name"]
