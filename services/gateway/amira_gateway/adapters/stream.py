"""A streaming call in a foreign protocol as a session's client."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
import structlog

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core import errors
from amira_core.rpc.server import cancel_and_wait
from amira_core.tracing.stream import stream_trace
from amira_gateway.adapters.audio import SIGNATURE_BYTES, WholeSamples, depends_on_audio, settle
from amira_gateway.server import SpeechServicer
from amira_gateway.session.audio import AudioShape

Context = grpc.aio.ServicerContext[Any, Any]

IGNORED = "amira-ignored"
"""Initial metadata: the fields that were set and have no effect here."""
SESSION = "amira-session"
"""Initial metadata: the session's id, for reports."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Opening:
    """What a call begins with.

    Attributes:
        config: all but the encoding is settled, which the audio may have a say in.
        otherwise: the encoding of audio that has none declared and no header; UNSPECIFIED: refused.
        ignored: fields that are set and have no effect.
    """

    config: config_pb2.RecognitionConfig
    otherwise: config_pb2.AudioEncoding = config_pb2.AUDIO_ENCODING_UNSPECIFIED
    ignored: list[str] = field(default_factory=list)


class Dialect(Protocol):
    """What one protocol does in its own way, for one stream."""

    finished: asyncio.Event | None
    """Set once the stream is to end though its client goes on sending; None: only the client ends it."""

    async def open(self, request: Any) -> Opening:
        """What the first message asks for. Raises AmiraError."""

    def audio(self, request: Any) -> bytes:
        """What a later message holds. Raises InvalidRequestError."""

    def marks(self, heard_s: float | None) -> Iterable[str]:
        """Marks to be set behind the audio so far, in seconds; None where its length is not known."""

    def responses(self, response: speech_pb2.StreamingRecognizeResponse) -> Iterable[Any]:
        """A response in the protocol's own messages; none where it has none for it."""


class ForeignClient:
    """Reads and writes one call."""

    def __init__(self, context: Context, dialect: Dialect, protocol: str) -> None:
        """`protocol`: for the log."""
        self._context = context
        self._dialect = dialect
        self._protocol = protocol
        self._pending: deque[speech_pb2.StreamingRecognizeRequest] = deque()
        self._samples: WholeSamples | None = None
        self._shape: AudioShape | None = None
        self._heard_bytes = 0
        self._ignored: list[str] = []
        self._ended = False
        self._reading: asyncio.Task[Any] | None = None

    async def serve(self, speech: SpeechServicer) -> None:
        """Serves the call to its end. Raises AmiraError."""
        try:
            await speech.stream(self)
        finally:
            if self._reading is not None:
                await cancel_and_wait([self._reading])

    async def read(self) -> speech_pb2.StreamingRecognizeRequest | None:
        while not self._pending:
            request = await self._next()
            if request is None:
                return None
            if self._samples is None:
                await self._open(request)
            else:
                self._add(self._dialect.audio(request))
        return self._pending.popleft()

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        if response.WhichOneof("response") == "session":
            told = opening_metadata(self._ignored, response.session.session_id)
            await self._context.send_initial_metadata((*stream_trace().answer(), *told))
        for message in self._dialect.responses(response):
            await self._context.write(message)

    async def _open(self, request: Any) -> None:
        opening = await self._dialect.open(request)
        beginning = b""
        if depends_on_audio(opening.config.encoding):
            while len(beginning) < SIGNATURE_BYTES and (following := await self._next()) is not None:
                beginning += self._dialect.audio(following)
        settle(opening.config, beginning, opening.otherwise)
        note_ignored(opening.ignored, self._protocol)
        self._ignored = opening.ignored
        self._samples = WholeSamples(opening.config)
        self._shape = AudioShape.of(opening.config)
        self._pending.append(speech_pb2.StreamingRecognizeRequest(config=opening.config))
        self._add(beginning)

    def _add(self, content: bytes) -> None:
        assert self._samples is not None
        assert self._shape is not None
        whole = self._samples.take(content)
        if not whole:
            return
        self._heard_bytes += len(whole)
        self._pending.append(speech_pb2.StreamingRecognizeRequest(audio=speech_pb2.AudioChunk(content=whole)))
        heard_s = self._shape.seconds(self._heard_bytes) if self._shape.is_pcm else None
        for name in self._dialect.marks(heard_s):
            control = speech_pb2.StreamControl(mark=speech_pb2.Mark(id=name))
            self._pending.append(speech_pb2.StreamingRecognizeRequest(control=control))

    async def _next(self) -> Any:
        """The next message; None once no more come, or the stream is to end all the same."""
        if self._ended:
            return None
        request = await self._read()
        if request is None or request is grpc.aio.EOF:
            self._ended = True
            if request is not None:
                # A cancelled call looks half-closed until grpc cancels the handler, some ticks later.
                for _ in range(3):
                    await asyncio.sleep(0)
            return None
        return request

    async def _read(self) -> Any:
        finished = self._dialect.finished
        if finished is None:
            return await self._context.read()
        # Giving a read up ends the call's reading for good, so it is a task, and :meth:`serve` ends it.
        self._reading = asyncio.ensure_future(self._context.read())
        finishing = asyncio.create_task(finished.wait())
        try:
            await asyncio.wait((self._reading, finishing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            finishing.cancel()
        return None if finished.is_set() else self._reading.result()


def note_ignored(ignored: Sequence[str], protocol: str) -> None:
    """Says in the log what a call set to no effect."""
    if ignored:
        _log.info("fields_ignored", protocol=protocol, fields=list(ignored))


def opening_metadata(ignored: Sequence[str], session_id: str) -> tuple[tuple[str, str], ...]:
    """What a caller is told besides the protocol's own messages."""
    told = ((SESSION, session_id),)
    return (*told, (IGNORED, ", ".join(ignored))) if ignored else told


async def recognize(
    speech: SpeechServicer, opening: Opening, audio: bytes, context: Context, protocol: str
) -> speech_pb2.RecognizeResponse:
    """Serves a whole recording. Raises AmiraError."""
    settle(opening.config, audio[:SIGNATURE_BYTES], opening.otherwise)
    note_ignored(opening.ignored, protocol)
    request = speech_pb2.RecognizeRequest(
        config=opening.config, audio=WholeSamples(opening.config).take(audio)
    )
    answer = await speech.Recognize(request, context)
    await context.send_initial_metadata(opening_metadata(opening.ignored, answer.session.session_id))
    return answer


async def served_models(speech: SpeechServicer) -> Sequence[config_pb2.ModelInfo]:
    """What is served, the default first. Raises DecoderLostError."""
    return (await speech.capabilities.last_known()).models


def audio_missing(kind: str | None, name: str) -> errors.InvalidRequestError:
    """For a message that must hold audio, and holds `kind` (None: nothing). `name`: the field's."""
    if kind is None:
        return errors.InvalidRequestError(f"A message without {name} came: set it in all but the first.")
    return errors.InvalidRequestError(
        f"A second {kind} came: the first message has it, all others have {name}."
    )
