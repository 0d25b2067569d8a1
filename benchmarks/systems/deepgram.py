"""Deepgram's live endpoint: wss://api.deepgram.com/v1/listen.

Written after its public reference and never run against the service here: DEEPGRAM_API_KEY in the environment
turns it on, DEEPGRAM_MODEL names the model (default nova-3).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.load.wire import Tape
from benchmarks.systems.base import SAMPLE_RATE_HZ, Reading
from benchmarks.systems.remote import RemoteSpeech, spoken

_URL = os.environ.get("DEEPGRAM_URL", "wss://api.deepgram.com/v1/listen")


class DeepgramSpeech(RemoteSpeech):
    """Interims on; segments end after 1.2 s of silence, as with the others."""

    async def converse(self, audio: AsyncIterator[bytes], received: Callable[[bytes], None]) -> None:
        query = urlencode(
            {
                "encoding": "linear16",
                "sample_rate": SAMPLE_RATE_HZ,
                "channels": 1,
                "language": "en",
                "model": os.environ.get("DEEPGRAM_MODEL", "nova-3"),
                "interim_results": "true",
                "endpointing": 1200,
            }
        )
        key = {"Authorization": f"Token {os.environ['DEEPGRAM_API_KEY']}"}
        async with connect(f"{_URL}?{query}", additional_headers=key) as socket:
            sending = asyncio.create_task(_send(socket, audio))
            try:
                async for message in socket:  # it closes the socket behind the last result
                    received(message.encode() if isinstance(message, str) else message)
                await sending
            finally:
                sending.cancel()

    def readings(self, tape: Tape) -> Iterator[Reading]:
        results = []
        for at_s, message in tape.arrivals:
            said = json.loads(message)
            if said.get("type") == "Results":
                text = said["channel"]["alternatives"][0]["transcript"]
                results.append((at_s, text, bool(said["is_final"]), said["start"] + said["duration"]))
        yield from spoken(results)


async def _send(socket: ClientConnection, audio: AsyncIterator[bytes]) -> None:
    async for piece in audio:
        await socket.send(piece)
    await socket.send(json.dumps({"type": "CloseStream"}))
