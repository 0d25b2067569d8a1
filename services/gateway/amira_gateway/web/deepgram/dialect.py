"""Deepgram's live WebSocket: raw audio and small JSON messages in, Results and events out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import WSMessage, WSMsgType

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2
from amira_core import errors
from amira_core.subtitles import seconds
from amira_gateway import untrusted_json
from amira_gateway.adapters.audio import SIGNATURE_BYTES, WholeSamples, container_of
from amira_gateway.session.audio import AudioShape
from amira_gateway.web.deepgram.failures import close_of
from amira_gateway.web.deepgram.query import Query, phrases
from amira_gateway.web.deepgram.results import Receipt, results
from amira_gateway.web.deepgram.utterances import Utterances
from amira_gateway.web.dialect import Content, LastWords
from amira_gateway.web.failures import NORMAL_CLOSE
from amira_gateway.web.ignored import ignored_header

_SILENCE_S = 10.0
_FINALIZED = "finalized"
_LONGEST_SEGMENT_S = 20.0

_Request = speech_pb2.StreamingRecognizeRequest


class DeepgramDialect:
    """One connection."""

    begins_late = True

    def __init__(self, query: Query, model: str, protocol: str) -> None:
        self.protocol = protocol
        self.silence_s: float | None = _SILENCE_S
        self._query = query
        self._model = model
        self._receipt = Receipt()
        self.headers: Mapping[str, str] = {
            "dg-request-id": self._receipt.request_id,
            **ignored_header(query.ignored, "deepgram"),
        }
        self._beginning = b""
        self._samples: WholeSamples | None = None
        self._shape: AudioShape | None = None
        self._utterances = Utterances(query.utterance_end_ms / 1000)
        self._over = False
        self._finalizing = 0
        self._held: result_pb2.StreamingResult | None = None

    def greeting(self) -> Iterator[Content]:
        return iter(())

    # -- from the client -----------------------------------------------------------------------

    def take(self, message: WSMessage) -> Iterator[_Request | Content]:
        if self._over:
            return iter(())
        if message.type is WSMsgType.BINARY:
            return self._audio(message.data) if message.data else self._close_stream()
        return self._text(message.data)

    def _text(self, text: str) -> Iterator[_Request | Content]:
        try:
            message = untrusted_json.parse(text)
            kind = message["type"]
        except (ValueError, TypeError, KeyError):
            kind = None
        if kind == "KeepAlive":
            yield from self._control(keep_alive=speech_pb2.KeepAlive())
        elif kind == "Finalize":
            if self._samples is not None:
                self._finalizing += 1
                yield from self._control(flush=speech_pb2.Flush())
                yield from self._control(mark=speech_pb2.Mark(id=_FINALIZED))
        elif kind == "CloseStream":
            yield from self._close_stream()
        elif kind == "Configure":
            yield from self._configure(message)
        else:
            yield _text_of(
                {
                    "type": "Error",
                    "variant": "SchemaError",
                    "description": "Not KeepAlive, Finalize, Configure or CloseStream as JSON.",
                    "message": text[:200],
                }
            )

    def _audio(self, content: bytes) -> Iterator[_Request]:
        self._receipt.sha256.update(content)
        if self._samples is None:
            self._beginning += content
            if not self._query.encoding and len(self._beginning) < SIGNATURE_BYTES:
                return
            content, self._beginning = self._beginning, b""
            yield self._begin(self._query.encoding or container_of(content))
        assert self._samples is not None
        assert self._shape is not None
        whole = self._samples.take(content)
        for piece in self._shape.cut(whole) if whole else ():
            yield _Request(audio=speech_pb2.AudioChunk(content=piece))
        if self._shape.is_pcm and (mark := self._utterances.heard(self._shape.seconds(len(whole)))):
            yield from self._control(mark=speech_pb2.Mark(id=mark))

    def _begin(self, encoding: config_pb2.AudioEncoding) -> _Request:
        if not encoding:
            raise errors.UnknownEncodingError(
                "The audio has no header of WAV, FLAC or Ogg-Opus: name its encoding and sample_rate."
            )
        config = self._query.config(encoding, self._model)
        self._shape = AudioShape.of(config)
        self._samples = WholeSamples(config)
        return _Request(config=config)

    def _close_stream(self) -> Iterator[_Request]:
        self._over = True
        self.silence_s = None
        if self._samples is None:
            encoding = config_pb2.AUDIO_ENCODING_FLAC  # there is no audio that it could be wrong of
            yield self._begin(self._query.encoding or encoding)
        yield from self._control(end_of_audio=speech_pb2.EndOfAudio())

    def _configure(self, message: dict[str, Any]) -> Iterator[_Request | Content]:
        answer: dict[str, Any] = {"type": "ConfigureSuccess", "request_id": self._receipt.request_id}
        terms = message.get("keyterms")
        try:
            if self._samples is None or not isinstance(terms, list) or not _are_texts(terms):
                raise errors.InvalidSettingError("`keyterms`, a list of texts, can be set after audio alone.")
            update = speech_pb2.UpdateConfig(hotwords=phrases(terms))
        except errors.InvalidRequestError as error:
            code = "CONFIGURE_KEYTERMS_NOT_SUPPORTED"
            yield _text_of(answer | {"type": "ConfigureFailure", "code": code, "description": error.message})
            return
        yield from self._control(update_config=update)
        yield _text_of(answer | {"keyterms": terms})

    def _control(self, **fields: Any) -> Iterator[_Request]:
        if self._samples is not None:
            yield _Request(control=speech_pb2.StreamControl(**fields))

    # -- to the client -------------------------------------------------------------------------

    def tell(self, response: speech_pb2.StreamingRecognizeResponse) -> Iterator[Content]:
        kind = response.WhichOneof("response")
        if kind == "session":
            self._receipt.runs(response.session)
        elif kind == "event":
            yield from self._event(response.event)
        elif kind == "result" and response.result.is_final:
            yield from self._final(response.result)
        elif kind == "result":
            yield _text_of(results(self._receipt, response.result, False, False))
        elif kind == "mark" and response.mark.id == _FINALIZED:
            yield from self._finalized()
        elif kind == "mark":
            yield from self._utterance_end(self._utterances.decoded(response.mark.id))

    def _event(self, event: result_pb2.SpeechEvent) -> Iterator[Content]:
        if event.kind != result_pb2.SpeechEvent.KIND_SPEECH_START:
            return
        self._utterances.began()
        if self._query.vad_events:
            yield _text_of({"type": "SpeechStarted", "channel": [0, 1], "timestamp": seconds(event.offset)})

    def _final(self, result: result_pb2.StreamingResult) -> Iterator[Content]:
        """While a Finalize is on its way, the last final before its mark is the one that it made."""
        yield from self._release(False)
        self._held = result
        if not self._finalizing:
            yield from self._release(False)

    def _finalized(self) -> Iterator[Content]:
        self._finalizing -= 1
        self._held = self._held or result_pb2.StreamingResult(is_final=True)
        yield from self._release(True)

    def _release(self, from_finalize: bool) -> Iterator[Content]:
        result, self._held = self._held, None
        if result is None:
            return
        length_s = seconds(result.audio_processed) - seconds(result.segment_start)
        speech_final = from_finalize or length_s < _LONGEST_SEGMENT_S
        yield _text_of(results(self._receipt, result, speech_final, from_finalize))
        if result.alternatives and result.alternatives[0].words:
            end_s = seconds(result.alternatives[0].words[-1].end)
            counted = self._shape is not None and self._shape.is_pcm
            yield from self._utterance_end(self._utterances.ended(end_s, at_once=not counted))

    def _utterance_end(self, last_word_end_s: float | None) -> Iterator[Content]:
        if last_word_end_s is not None:
            yield _text_of({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last_word_end_s})

    def end(self, error: errors.AmiraError | None, audio_s: float) -> LastWords:
        last = list(self._release(False))
        if error is None:
            channels = self._query.channels
            last.append(_text_of({"type": "Metadata", **self._receipt.whole(audio_s, channels)}))
            return LastWords(tuple(last), NORMAL_CLOSE)
        code, reason = close_of(error)
        last.append(_text_of({"type": "Error", "variant": error.reason, "description": error.message}))
        return LastWords(tuple(last), code, reason)


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(text, str) for text in values)


def _text_of(message: dict[str, Any]) -> str:
    return json.dumps(message)
