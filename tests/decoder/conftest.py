"""A real decoder server with the encoder in its own process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.server import RpcServer, cancel_and_wait
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.server import DecoderServicer
from amira_decoder.settings import DecoderSettings

Request = decoder_pb2.DecodeRequest
Response = decoder_pb2.DecodeResponse


@dataclass
class DecoderServer:
    """What tests need of a running decoder."""

    decoder: StreamingDecoder
    stub: decoder_pb2_grpc.DecoderStub
    target: str
    responses: list[Response] = field(default_factory=list)

    async def decode(
        self,
        frames: NDArray[np.float32],
        config: config_pb2.RecognitionConfig | None = None,
        *,
        frames_per_message: int = 10,
    ) -> list[Response]:
        """One whole stream: config, features in pieces, end."""
        pieces = [
            Request(features=frames[i : i + frames_per_message].tobytes())
            for i in range(0, len(frames), frames_per_message)
        ]
        config = config or config_pb2.RecognitionConfig()
        return await self.exchange([Request(config=config), *pieces, Request(end={})])

    async def exchange(self, requests: Iterable[Request]) -> list[Response]:
        """Sends the requests, half-closes, and returns every response."""
        call = self.stub.Decode()

        async def send() -> None:
            for request in requests:
                await call.write(request)
            await call.done_writing()

        sending = asyncio.create_task(send())
        try:
            return [response async for response in call]
        finally:
            await cancel_and_wait([sending])


def finals(responses: Iterable[Response]) -> list[str]:
    """Texts of the finals."""
    return [r.result.alternatives[0].text for r in responses if r.HasField("result") and r.result.is_final]


@pytest.fixture(scope="session")
def shared_decoder(model_dir: Path) -> Iterator[DecoderServer]:
    """A warm decoder with eight slots, in a thread with a loop of its own: it starts but once."""
    settings = DecoderSettings(model_dir=model_dir, encoder="in_process", in_process_slots=8)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="shared-decoder")
    thread.start()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(280)

    context = serving(settings)
    try:
        server = run(context.__aenter__())
        try:
            yield server
        finally:
            run(context.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
async def decoder_server(shared_decoder: DecoderServer) -> AsyncIterator[DecoderServer]:
    """The shared decoder, by a channel of the test's own; every stream of the test must leave its slot."""
    async with grpc.aio.insecure_channel(shared_decoder.target, options=CHANNEL_OPTIONS) as channel:
        stub = decoder_pb2_grpc.DecoderStub(channel)
        yield DecoderServer(shared_decoder.decoder, stub, shared_decoder.target)
        async with asyncio.timeout(60):
            while (await stub.Describe(decoder_pb2.DescribeRequest())).slots_used:  # noqa: ASYNC110 - asked over the network
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(settings: DecoderSettings) -> AsyncIterator[DecoderServer]:
    """A warm decoder with these settings. Only where they say so does load refuse streams."""
    patience = {"target_load": 0.0, "encoder_timeout_ms": 30_000}
    unsaid = {name: value for name, value in patience.items() if name not in settings.model_fields_set}
    decoder = StreamingDecoder(settings.model_copy(update=unsaid))
    server = RpcServer("127.0.0.1:0", "amira.decoder.v1.Decoder")
    decoder_pb2_grpc.add_DecoderServicer_to_server(DecoderServicer(decoder), server.grpc)
    port = await server.start()
    ready = asyncio.Event()

    async def on_ready(is_ready: bool) -> None:
        await server.set_ready(is_ready)
        ready.set()

    running = asyncio.create_task(decoder.run(on_ready))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        target = f"127.0.0.1:{port}"
        async with grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
            yield DecoderServer(decoder, decoder_pb2_grpc.DecoderStub(channel), target)
    finally:  # a test that fails must not leave threads and tasks to the next ones
        await server.stop(0)
        await cancel_and_wait([running, waiting])
        await decoder.close()
