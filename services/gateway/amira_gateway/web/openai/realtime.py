"""GET /v1/realtime: OpenAI's realtime transcription over a WebSocket, as it is and as its beta was.

The stream begins with the first audio: until then all settings can be changed.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_gateway import untrusted_json
from amira_gateway.adapters.audio import WholeSamples
from amira_gateway.session.audio import AudioShape
from amira_gateway.session.validation import check_config
from amira_gateway.web.calls import offered_protocols
from amira_gateway.web.dialect import Content, LastWords
from amira_gateway.web.entrance import Entrance
from amira_gateway.web.failures import NORMAL_CLOSE, close_code
from amira_gateway.web.models import Models, models_of
from amira_gateway.web.openai.failures import error_body
from amira_gateway.web.openai.realtime_settings import RealtimeSettings
from amira_gateway.web.openai.turns import Event, Turns

PATH = "/v1/realtime"

_PROTOCOL = "realtime"
_BETA = "realtime=v1"
_SHORTEST_COMMIT_S = 0.1

_Request = speech_pb2.StreamingRecognizeRequest


async def open_realtime(entrance: Entrance, request: web.Request) -> RealtimeDialect:
    """Raises NoCapacityError, DrainingError, DecoderLostError."""
    entrance.check_room()
    offered = list(offered_protocols(request))
    beta = _BETA in request.headers.get("OpenAI-Beta", "") or "openai-beta.realtime-v1" in offered
    protocol = _PROTOCOL if _PROTOCOL in offered else ""
    most_bytes = entrance.settings.max_message_audio_bytes
    return RealtimeDialect(await models_of(entrance), protocol, most_bytes, beta=beta)


class RealtimeDialect:
    """One connection."""

    headers: Mapping[str, str] = {}
    begins_late = True
    silence_s: float | None = None

    def __init__(self, models: Models, protocol: str, max_audio_bytes: int, *, beta: bool) -> None:
        self.protocol = protocol
        self._models = models
        self._max_audio_bytes = max_audio_bytes
        self._beta = beta
        self._session_id = f"sess_{uuid.uuid4().hex}"
        self._settings = RealtimeSettings()
        self._turns = Turns(beta=beta)
        self._shape: AudioShape | None = None
        self._samples: WholeSamples | None = None
        self._uncommitted_s = 0.0

    def greeting(self) -> Iterator[Content]:
        yield self._session("created")

    # -- from the client -----------------------------------------------------------------------

    def take(self, message: WSMessage) -> Iterator[_Request | Content]:
        event_id = None
        try:
            event = _event(message)
            event_id = event.get("event_id")
            yield from self._act(event)
        except (errors.InvalidRequestError, errors.UnknownModelError) as error:
            body = {**error_body(error), "event_id": event_id if isinstance(event_id, str) else None}
            yield _text({"type": "error", "error": body})

    def _act(self, event: dict[str, Any]) -> Iterator[_Request | Content]:
        kind = event.get("type")
        if kind == "input_audio_buffer.append":
            yield from self._append(event.get("audio"))
        elif kind == "input_audio_buffer.commit":
            yield from self._commit()
        elif kind == "input_audio_buffer.clear":
            yield from self._clear()
        elif kind == "session.update":
            yield from self._update(self._settings.changed(event.get("session")))
        elif kind == "transcription_session.update":
            self._beta = True
            yield from self._update(self._settings.changed_by_beta(event.get("session")))
        else:
            raise errors.InvalidRequestError(
                "Not an event of transcription sessions: session.update, input_audio_buffer.append, .commit "
                "and .clear are."
            )

    def _append(self, encoded: object) -> Iterator[_Request]:
        try:
            content = base64.b64decode(encoded if isinstance(encoded, str) else b"?", validate=True)
        except (binascii.Error, ValueError):
            raise errors.InvalidRequestError("audio: must be base64.") from None
        if len(content) > self._max_audio_bytes:
            raise errors.InvalidRequestError(
                f"audio: at most {self._max_audio_bytes} bytes are taken in one event."
            )
        if self._samples is None:
            config = self._settings.config(self._models)
            check_config(config)
            self._shape, self._samples = AudioShape.of(config), WholeSamples(config)
            yield _Request(config=config)
        assert self._shape is not None
        whole = self._samples.take(content)
        self._uncommitted_s += self._shape.seconds(len(whole))
        for piece in self._shape.cut(whole) if whole else ():
            yield _Request(audio=speech_pb2.AudioChunk(content=piece))

    def _commit(self) -> Iterator[_Request | Content]:
        if self._uncommitted_s < _SHORTEST_COMMIT_S:
            raise errors.InvalidRequestError(
                "Nothing to commit: the buffer holds less than 100 ms of audio. With turn detection the "
                "server commits by itself."
            )
        self._uncommitted_s = 0.0
        yield from map(_text, self._turns.commit())
        yield from _flush()

    def _clear(self) -> Iterator[_Request | Content]:
        if self._samples is not None:
            self._turns.clear()
            yield from _flush()
        self._uncommitted_s = 0.0
        yield _text({"type": "input_audio_buffer.cleared"})

    def _update(self, wanted: RealtimeSettings) -> Iterator[_Request | Content]:
        check_config(wanted.config(self._models))
        if self._samples is not None:
            yield self._update_stream(wanted)
        self._settings = wanted
        self._turns.detected = wanted.detects_turns
        self._turns.logprobs = wanted.logprobs
        yield self._session("updated")

    def _update_stream(self, wanted: RealtimeSettings) -> _Request:
        for name in ("format", "model", "language", "logprobs"):
            if getattr(wanted, name) != getattr(self._settings, name):
                raise errors.InvalidSettingError(f"{name} cannot change once audio has come: connect anew.")
        update = speech_pb2.UpdateConfig(hotwords=wanted.hotwords(), endpoint=wanted.endpoint())
        return _Request(control=speech_pb2.StreamControl(update_config=update))

    # -- to the client -------------------------------------------------------------------------

    def tell(self, response: speech_pb2.StreamingRecognizeResponse) -> Iterable[Content]:
        return map(_text, self._events(response))

    def _events(self, response: speech_pb2.StreamingRecognizeResponse) -> Iterable[Event]:
        kind = response.WhichOneof("response")
        if kind == "event":
            return self._turns.event(response.event)
        if kind == "result":
            return self._turns.result(response.result)
        return self._turns.marked() if kind == "mark" else ()

    def end(self, error: errors.AmiraError | None, audio_s: float) -> LastWords:
        if error is None:
            return LastWords((), NORMAL_CLOSE)
        return LastWords((_text({"type": "error", "error": error_body(error)}),), close_code(error))

    def _session(self, what: str) -> str:
        if self._beta:
            described = {"object": "realtime.transcription_session", **self._settings.described_for_beta()}
            kind = f"transcription_session.{what}"
        else:
            described = {"object": "realtime.transcription_session", **self._settings.described()}
            kind = f"session.{what}"
        return _text({"type": kind, "session": {"id": self._session_id, **described}})


def _event(message: WSMessage) -> dict[str, Any]:
    """Raises InvalidRequestError."""
    try:
        event = untrusted_json.parse(message.data) if message.type is WSMsgType.TEXT else None
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise errors.InvalidRequestError("Every message must be an event: a JSON object with a `type`.")
    return event


def _flush() -> Iterator[_Request]:
    yield _Request(control=speech_pb2.StreamControl(flush=speech_pb2.Flush()))
    yield _Request(control=speech_pb2.StreamControl(mark=speech_pb2.Mark(id="turn")))


def _text(event: Event) -> str:
    return json.dumps({"event_id": f"event_{uuid.uuid4().hex}", **event})
