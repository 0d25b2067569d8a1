"""The scripted server on a thread of its own, for clients that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.speech_server import Script, ScriptedSpeech, count_bytes


@contextmanager
def scripted_in_thread(script: Script = count_bytes) -> Iterator[ScriptedSpeech]:
    """Its script may be changed at any time."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="scripted")
    thread.start()

    def wait(coroutine) -> None:  # type: ignore[no-untyped-def]  # any coroutine
        asyncio.run_coroutine_threadsafe(coroutine, loop).result(90)

    async def make() -> ScriptedSpeech:
        return ScriptedSpeech(script)

    server = asyncio.run_coroutine_threadsafe(make(), loop).result(90)
    try:
        wait(server.__aenter__())
        try:
            yield server
        finally:
            wait(server.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(90)
        loop.close()
