"""A stream that is fed by a task, while whoever opened it reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from amira_client.errors import ServerError, StreamStateError
from amira_client.stream import RecognitionStream


@asynccontextmanager
async def fed(
    stream: RecognitionStream, pieces: AsyncIterator[bytes], on_sent: Callable[[], None] = lambda: None
) -> AsyncIterator[None]:
    """Sends all `pieces`, calls `on_sent` and ends the audio, while the block reads.

    What `pieces` raise ends the stream, and is raised where the block is left.
    """
    sending = asyncio.create_task(_send_all(stream, pieces, on_sent), name="amira-send")
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


async def _send_all(
    stream: RecognitionStream, pieces: AsyncIterator[bytes], on_sent: Callable[[], None]
) -> None:
    try:
        async for piece in pieces:
            await stream.send(piece)
        on_sent()
        await stream.end()
    except ServerError:
        return  # the reading side says so, after everything that came before it
    except BaseException:
        await stream.aclose()  # ends the reading too
        raise
