"""POST /v1/audio/transcriptions: a file in, its words out, at once or in server-sent events."""

from __future__ import annotations

import json

from aiohttp import web

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2
from amira_core import errors
from amira_core.incidents import reported
from amira_core.tracing.process import incoming_trace
from amira_core.tracing.stream import stream_trace
from amira_gateway.access import CallRecord, Scope
from amira_gateway.adapters.audio import container_of
from amira_gateway.session.client import ClientGoneError, RecordingClient
from amira_gateway.web.calls import credentials_of, record_of
from amira_gateway.web.entrance import Entrance
from amira_gateway.web.ignored import ignored_header
from amira_gateway.web.models import choose_model, models_of
from amira_gateway.web.openai.answers import answer, joined, logprobs
from amira_gateway.web.openai.failures import error_body
from amira_gateway.web.openai.form import Form, read_form
from amira_gateway.web.openai.wishes import THEIR_MODELS, Wishes
from amira_gateway.web.uploads import Uploads

PATH = "/v1/audio/transcriptions"


class Transcriptions:
    """:meth:`handle` is a handler for aiohttp."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        settings = entrance.settings
        self._uploads = Uploads(settings.web_max_file_bytes, settings.web_uploads_bytes, settings.max_streams)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Raises AmiraError where nothing has been answered yet."""
        with incoming_trace("openai.Transcriptions", request.headers.items()) as trace, trace.current():
            self._entrance.origins.check(request)
            record = record_of(request, PATH)
            with self._entrance.door.call(record, credentials_of(request), Scope.RECOGNIZE):
                return await self._transcribe(request, record)

    async def _transcribe(self, request: web.Request, record: CallRecord) -> web.StreamResponse:
        self._entrance.check_room()
        with self._uploads.begin() as upload:
            form = await read_form(request, upload, self._entrance.settings.unary_read_timeout_s)
            wishes = Wishes.of(form.fields)
            models = await models_of(self._entrance)
            chosen = choose_model(models, wishes.model, wishes.languages, THEIR_MODELS)
            config = _config(form, wishes, chosen.name)
            if wishes.stream:
                return await self._answer_in_events(request, record, config, form.file, wishes)
            client = RecordingClient(config, form.file)
            await self._entrance.speech.stream(client)
        answered = answer(wishes, _finals(client.responses), record.audio_s, chosen.language_code)
        answered.headers.update(_headers(record, wishes))
        return answered

    async def _answer_in_events(
        self,
        request: web.Request,
        record: CallRecord,
        config: config_pb2.RecognitionConfig,
        audio: bytes,
        wishes: Wishes,
    ) -> web.StreamResponse:
        events = _Events(request, record, wishes)
        client = _EventClient(config, audio, events)
        try:
            await self._entrance.speech.stream(client)
        except ClientGoneError:
            raise
        except Exception as error:
            if not events.begun:
                raise
            told = reported(error, PATH)
            record.status = told.reason
            stream_trace().failed(told.reason)
            await events.send("error", {"error": error_body(told)})
        else:
            await events.done(_finals(client.responses))
        await events.response.write_eof()
        return events.response


class _Events:
    """The server-sent events of one answer. Until the first, what goes wrong is an ordinary answer."""

    def __init__(self, request: web.Request, record: CallRecord, wishes: Wishes) -> None:
        self._request = request
        self._record = record
        self._wishes = wishes
        self._said_something = False
        self.response = web.StreamResponse(headers={"Cache-Control": "no-cache"})
        self.response.content_type = "text/event-stream"

    @property
    def begun(self) -> bool:
        return self.response.prepared

    async def delta(self, best: result_pb2.Alternative) -> None:
        """A segment's words. The deltas put together are the text of :meth:`done`."""
        if not best.text:
            return
        fields = {"logprobs": logprobs([best])} if self._wishes.logprobs else {}
        text = f" {best.text}" if self._said_something else best.text
        self._said_something = True
        await self.send("transcript.text.delta", {"delta": text, **fields})

    async def done(self, results: list[result_pb2.StreamingResult]) -> None:
        bests = [result.alternatives[0] for result in results]
        fields = {"logprobs": logprobs(bests)} if self._wishes.logprobs else {}
        await self.send("transcript.text.done", {"text": joined(bests), **fields})

    async def send(self, kind: str, fields: dict[str, object]) -> None:
        """Raises ClientGoneError."""
        event = json.dumps({"type": kind, **fields})
        try:
            if not self.begun:
                self.response.headers.update(_headers(self._record, self._wishes))
                await self.response.prepare(self._request)
            await self.response.write(f"event: {kind}\ndata: {event}\n\n".encode())
        except ConnectionError:
            raise ClientGoneError("the connection is lost") from None


class _EventClient(RecordingClient):
    """A recording whose finals are told as they come."""

    def __init__(self, config: config_pb2.RecognitionConfig, audio: bytes, events: _Events) -> None:
        super().__init__(config, audio)
        self._events = events

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        await super().write(response)
        if response.result.is_final:
            await self._events.delta(response.result.alternatives[0])


def _config(form: Form, wishes: Wishes, model: str) -> config_pb2.RecognitionConfig:
    """Raises UnknownEncodingError."""
    config = config_pb2.RecognitionConfig(
        encoding=container_of(form.file),
        model=model,
        word_times=wishes.needs_words,
        hotwords=wishes.hotwords,
    )
    if not config.encoding:
        raise errors.UnknownEncodingError("Invalid file format. Supported formats: flac, ogg (Opus), wav.")
    if wishes.silence_ms is not None:
        config.endpoint.silence_after_speech.FromMilliseconds(wishes.silence_ms)
    return config


def _finals(
    responses: list[speech_pb2.StreamingRecognizeResponse],
) -> list[result_pb2.StreamingResult]:
    return [response.result for response in responses if response.result.is_final]


def _headers(record: CallRecord, wishes: Wishes) -> dict[str, str]:
    """OpenAI's clients show the request's id; here it is the session's, as in the gateway's log."""
    return {"X-Request-Id": record.session_id, **ignored_header(wishes.ignored, "openai")}
