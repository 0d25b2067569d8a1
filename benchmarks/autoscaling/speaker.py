"""One client: speaks at the speed of speech until it is told that it is enough."""

from __future__ import annotations

import asyncio
from typing import Final

from amira.asr.v1 import config_pb2
from amira_client import AmiraClient, AmiraClientError, RecognitionStream, ServerError
from benchmarks.autoscaling.decoders import Say
from benchmarks.clips import SAMPLE_RATE_HZ, load_clips

PIECE_MS: Final = 100
_PIECE_BYTES: Final = SAMPLE_RATE_HZ * 2 * PIECE_MS // 1000


class Speaker:
    """A stream of real speech, again and again from its beginning.

    Attributes:
        accepted: set once the stream has a slot.
        enough: set it to let the stream end with the piece that it is at.
        refusals: times that it was told to come again, before it had a slot.
        pieces: how much it has sent.
        words: of its finals so far.
        failure: how it was cut, if it was.
    """

    def __init__(self, name: str, target: str, say: Say, *, paced: bool = True) -> None:
        self.name = name
        self.accepted = asyncio.Event()
        self.enough = asyncio.Event()
        self.refusals = 0
        self.pieces = 0
        self.words: list[str] = []
        self.failure: AmiraClientError | None = None
        self._target = target
        self._say = say
        self._paced = paced

    async def speak(self, most_pieces: int | None = None) -> None:
        """Comes again when it is told to, as a client should; returns when the stream has ended."""
        while True:
            try:
                await self._once(most_pieces)
                return
            except AmiraClientError as error:
                if self.accepted.is_set() or error.retry_after_s is None:
                    self.failure = error
                    return
                if not self.refusals:
                    self._say(f"{self.name} finds no slot ({error.reason})")
                self.refusals += 1
                await asyncio.sleep(error.retry_after_s)

    async def _once(self, most_pieces: int | None) -> None:
        config = config_pb2.RecognitionConfig(
            encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=SAMPLE_RATE_HZ, interim_results=True
        )
        # It must not mend by itself what is to be shown whole.
        async with AmiraClient(self._target, resume=False) as client, client.stream(config) as stream:
            sending = asyncio.create_task(self._send(stream, most_pieces), name=f"send-{self.name}")
            try:
                async for response in stream:
                    self.accepted.set()
                    if response.HasField("result") and response.result.is_final:
                        self.words += response.result.alternatives[0].text.split()
                await sending
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, stream: RecognitionStream, most_pieces: int | None) -> None:
        await self.accepted.wait()
        audio = load_clips()[0].tobytes()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            while not self.enough.is_set() and self.pieces != most_pieces:
                at = self.pieces * _PIECE_BYTES % (len(audio) - _PIECE_BYTES)
                self.pieces += 1
                if self._paced:
                    await asyncio.sleep(began + self.pieces * PIECE_MS / 1000 - loop.time())
                await stream.send(audio[at : at + _PIECE_BYTES])
            await stream.end()
        except ServerError:
            return  # the reading side says so
