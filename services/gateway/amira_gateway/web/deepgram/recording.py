"""POST /v1/listen: a recording in the body, which is decoded while it comes."""

from __future__ import annotations

from aiohttp import web

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2
from amira_core import errors
from amira_core.tracing.process import incoming_trace
from amira_gateway.access import Scope
from amira_gateway.adapters.audio import SIGNATURE_BYTES, WholeSamples, container_of
from amira_gateway.session.client import ClientGoneError
from amira_gateway.web.calls import credentials_of, record_of
from amira_gateway.web.deepgram.query import THEIR_MODELS, Query
from amira_gateway.web.deepgram.results import Receipt, alternative, utterance
from amira_gateway.web.entrance import Entrance
from amira_gateway.web.ignored import ignored_header
from amira_gateway.web.models import choose_model, models_of

_PIECE_BYTES = 64 * 1024


class Recordings:
    """:meth:`handle` is a handler for aiohttp."""

    def __init__(self, entrance: Entrance, path: str) -> None:
        self._entrance = entrance
        self._path = path

    async def handle(self, request: web.Request) -> web.Response:
        """Raises AmiraError."""
        with incoming_trace("deepgram.Listen", request.headers.items()) as trace, trace.current():
            self._entrance.origins.check(request)
            record = record_of(request, self._path)
            with self._entrance.door.call(record, credentials_of(request), Scope.RECOGNIZE):
                self._entrance.check_room()
                query = Query.of(request.query)
                client = await self._listen(request, query)
        answer = web.json_response(_body(query, client, record.audio_s))
        answer.headers["dg-request-id"] = client.receipt.request_id
        answer.headers.update(ignored_header(query.ignored, "deepgram"))
        return answer

    async def _listen(self, request: web.Request, query: Query) -> _BodyClient:
        if request.content_type == "application/json":
            raise errors.InvalidRequestError("The server fetches nothing: send the audio itself.")
        chosen = choose_model(await models_of(self._entrance), query.model, query.languages, THEIR_MODELS)
        client = _BodyClient(request, query, chosen.name)
        await self._entrance.speech.stream(client)
        return client


class _BodyClient:
    """The body of a request as a session's client. It is read as fast as the session takes it."""

    def __init__(self, request: web.Request, query: Query, model: str) -> None:
        self.receipt = Receipt()
        self.finals: list[result_pb2.StreamingResult] = []
        self._body = request.content
        self._query = query
        self._model = model
        self._beginning = b""
        self._samples: WholeSamples | None = None

    async def read(self) -> speech_pb2.StreamingRecognizeRequest | None:
        if self._samples is None:
            return speech_pb2.StreamingRecognizeRequest(config=await self._config())
        content, self._beginning = self._beginning, b""
        while not (whole := self._samples.take(content)):
            content = await self._read()
            if not content:
                return None
        return speech_pb2.StreamingRecognizeRequest(audio=speech_pb2.AudioChunk(content=whole))

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        if response.HasField("session"):
            self.receipt.runs(response.session)
        elif response.result.is_final:
            self.finals.append(response.result)

    async def _config(self) -> config_pb2.RecognitionConfig:
        while len(self._beginning) < SIGNATURE_BYTES and (content := await self._read()):
            self._beginning += content
        encoding = self._query.encoding or container_of(self._beginning)
        if not encoding:
            raise errors.UnknownEncodingError(
                "The body is no WAV, FLAC or Ogg-Opus file: send one, or name its encoding and sample_rate."
            )
        config = self._query.config(encoding, self._model)
        config.interim_results = False
        self._samples = WholeSamples(config)
        return config

    async def _read(self) -> bytes:
        """At most _PIECE_BYTES; nothing at the end. Raises ClientGoneError."""
        try:
            content = await self._body.read(_PIECE_BYTES)
        except (web.RequestPayloadError, ConnectionError):
            raise ClientGoneError("the connection is lost") from None
        self.receipt.sha256.update(content)
        return content


def _body(query: Query, client: _BodyClient, audio_s: float) -> dict[str, object]:
    found: dict[str, object] = {"channels": [{"alternatives": [alternative(client.finals)]}]}
    if query.utterances:
        found["utterances"] = [utterance(result) for result in client.finals]
    return {"metadata": client.receipt.whole(audio_s, query.channels), "results": found}
