"""A stream that is fed by a task, while whoever opened it reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from amira_client.errors import ServerError, StreamStateError
from amira_client.stream import RecognitionStream


@asynccontextmanager
async def fed(stream: RecognitionStream, feed: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs `feed`, which sends, while the block reads.

    What `feed` raises ends the stream, and is raised where the block is left; but what the server ended the
    stream with is left to the reading side, which says so after everything that came before it.
    """
    sending = asyncio.create_task(_run(stream, feed), name="amira-send")
    try:
        yield
        await sending
    except StreamStateError:
        if sending.done() and not sending.cancelled() and (cause := sending.exception()) is not None:
            raise cause from None  # the stream was closed because of it
        raise
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def send_all(
    stream: RecognitionStream, pieces: AsyncIterator[bytes], on_sent: Callable[[], None] = lambda: None
) -> None:
    """Sends `pieces`, calls `on_sent`, and ends the audio."""
    async for piece in pieces:
        await stream.send(piece)
    on_sent()
    await stream.end()


async def _run(stream: RecognitionStream, feed: Coroutine[Any, Any, None]) -> None:
    try:
        await feed
    except ServerError:
        return
    except BaseException:
        await stream.aclose()  # ends the reading too
        raise
