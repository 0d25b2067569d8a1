"""sherpa-onnx's Python recognizer as a streaming server, built the way its example server is.

    python -m benchmarks.systems.sherpa_python_server --port 6006 --tokens FILE --encoder FILE ...

One task per connection takes samples; one consumer gathers streams that have a chunk, at most
`max-batch` of them, and decodes them in a thread. It speaks the protocol of the C++ server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import sherpa_onnx
from websockets.asyncio.server import ServerConnection, serve

SAMPLE_RATE_HZ = 16_000
TAIL_S = 0.48
Waiting = tuple[Any, "asyncio.Future[None]"]


class BatchingServer:
    """All connections share one recognizer, and their chunks its batches."""

    def __init__(self, recognizer: Any, threads: int, max_batch: int, wait_ms: int) -> None:
        self._recognizer = recognizer
        self._pool = ThreadPoolExecutor(threads)
        self._max_batch = max_batch
        self._wait_s = wait_ms / 1000
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()

    async def consume(self) -> None:
        """Decodes batches until cancelled. With several threads, run several of these."""
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._queue.get()]
            if self._queue.empty():
                await asyncio.sleep(self._wait_s)
            while len(batch) < self._max_batch and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await loop.run_in_executor(
                self._pool, self._recognizer.decode_streams, [stream for stream, _ in batch]
            )
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    async def handle(self, socket: ServerConnection) -> None:
        """One stream."""
        stream = self._recognizer.create_stream()
        segment = 0
        async for message in socket:
            if isinstance(message, bytes):
                stream.accept_waveform(SAMPLE_RATE_HZ, np.frombuffer(message, np.float32))
                segment = await self._decode(socket, stream, segment, last=False)
            elif message == "Done":
                stream.accept_waveform(SAMPLE_RATE_HZ, np.zeros(int(TAIL_S * SAMPLE_RATE_HZ), np.float32))
                stream.input_finished()
                await self._decode(socket, stream, segment, last=True)
                await socket.send("Done!")

    async def _decode(self, socket: ServerConnection, stream: Any, segment: int, *, last: bool) -> int:
        recognizer = self._recognizer
        while recognizer.is_ready(stream):
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            await self._queue.put((stream, done))
            await done
            text = recognizer.get_result(stream)
            ended = recognizer.is_endpoint(stream)
            final = ended or (last and not recognizer.is_ready(stream))
            await socket.send(json.dumps({"text": text, "segment": segment, "is_final": final}))
            if ended:
                recognizer.reset(stream)
                segment += 1
        return segment


async def run(arguments: argparse.Namespace) -> None:
    """Serves until killed."""
    recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(
        tokens=arguments.tokens,
        encoder=arguments.encoder,
        decoder=arguments.decoder,
        joiner=arguments.joiner,
        num_threads=1,
        sample_rate=SAMPLE_RATE_HZ,
        feature_dim=80,
        decoding_method=arguments.method,
        enable_endpoint_detection=True,
        rule1_min_trailing_silence=2.4,
        rule2_min_trailing_silence=1.2,
        rule3_min_utterance_length=20,
    )
    server = BatchingServer(recognizer, arguments.threads, arguments.max_batch, arguments.wait_ms)
    async with (
        serve(server.handle, "127.0.0.1", arguments.port, compression=None, max_size=2**20),
        asyncio.TaskGroup() as consumers,
    ):
        for _ in range(arguments.threads):
            consumers.create_task(server.consume())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    for name in ("tokens", "encoder", "decoder", "joiner"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--method", default="greedy_search")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-batch", type=int, default=50)
    parser.add_argument("--wait-ms", type=int, default=10)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
