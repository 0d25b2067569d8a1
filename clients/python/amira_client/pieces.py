"""Audio that comes piece by piece: from an iterator, asynchronous or not, that may block."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from amira.asr.v1.config_pb2 import AudioEncoding, RecognitionConfig
from amira_client.audio import SAMPLE_BYTES
from amira_client.errors import UnreadableAudioError

Pieces = Iterable[bytes] | AsyncIterable[bytes]
"""Audio in pieces of any size, in the config's encoding."""


@runtime_checkable
class Described(Protocol):
    """Pieces that know their encoding, such as a Microphone."""

    def describe(self, config: RecognitionConfig | None = None) -> RecognitionConfig:
        """A copy of `config` with encoding, rate and channels filled in."""
        ...


@dataclass(frozen=True)
class Recording:
    """What a stream is fed with: audio, and how it is to be recognized.

    `duration_s` is its length in seconds; None where only the server knows.
    """

    config: RecognitionConfig
    pieces: AsyncIterator[bytes]
    duration_s: float | None


def described(pieces: Pieces, config: RecognitionConfig | None) -> RecognitionConfig:
    """The config to send `pieces` with. Raises UnreadableAudioError when nobody says what they are."""
    if isinstance(pieces, Described):
        return pieces.describe(config)
    if config is None or config.encoding == AudioEncoding.AUDIO_ENCODING_UNSPECIFIED:
        raise UnreadableAudioError(
            "Pieces of audio do not say what they are: set encoding and, for PCM, sample_rate_hz."
        )
    return config


async def whole_samples(pieces: Pieces, config: RecognitionConfig) -> AsyncIterator[bytes]:
    """The same audio in pieces of whole samples; a last half of one is dropped."""
    unit_bytes = SAMPLE_BYTES.get(config.encoding, 1)
    if config.encoding in SAMPLE_BYTES:
        unit_bytes *= config.channels or 1
    rest = b""
    async for piece in each(pieces):
        rest += piece
        whole = len(rest) - len(rest) % unit_bytes
        if whole:
            yield rest[:whole]
            rest = rest[whole:]


async def each(pieces: Pieces) -> AsyncIterator[bytes]:
    """One after another; what may block is iterated by a thread of its own."""
    if isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            yield piece
    else:
        async for piece in _each_in_thread(pieces):
            yield piece


class _End:
    pass


async def _each_in_thread(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A daemon thread: one that waits for ever must not keep the program from ending."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes | BaseException | _End] = asyncio.Queue()
    wanted = threading.Semaphore(1)
    over = threading.Event()

    def tell(item: bytes | BaseException | _End) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(arrived.put_nowait, item)

    def pull() -> None:
        try:
            for piece in pieces:
                tell(piece)
                wanted.acquire()
                if over.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever iterates
            tell(error)
        else:
            tell(_End())

    threading.Thread(target=pull, name="amira-pieces", daemon=True).start()
    try:
        while not isinstance(item := await arrived.get(), _End):
            if isinstance(item, BaseException):
                raise item
            wanted.release()
            yield item
    finally:
        over.set()
        wanted.release()
