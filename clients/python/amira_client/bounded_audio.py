"""Audio and flushes on their way to a stream, for callers on the same event loop that must never wait."""

from __future__ import annotations

import asyncio

from amira_client.stream import RecognitionStream


class _Flush:
    """A place among the audio."""


class BoundedAudio:
    """A queue of at most `most_bytes` of audio, with the places where the segment is to be finished."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._queued_bytes = 0
        self._items: asyncio.Queue[bytes | _Flush | None] = asyncio.Queue()

    def put(self, audio: bytes) -> bool:
        """False: there is no room, and the audio is lost."""
        if self._queued_bytes + len(audio) > self._most_bytes:
            return False
        self._queued_bytes += len(audio)
        self._items.put_nowait(audio)
        return True

    def flush(self) -> None:
        """All audio before this is to be final."""
        self._items.put_nowait(_Flush())

    def end(self) -> None:
        """No more comes."""
        self._items.put_nowait(None)

    async def send_to(self, stream: RecognitionStream) -> None:
        """Sends all there is, until the end. Raises what the stream raises; the next one gets the rest."""
        while (item := await self._items.get()) is not None:
            if isinstance(item, _Flush):
                await stream.flush()
            else:
                self._queued_bytes -= len(item)
                await stream.send(item)
        self._items.put_nowait(None)  # for a stream that takes the place of this one
        await stream.end()
