"""Vosk's WebSocket: 16-bit samples in, and exactly one answer to each message of audio.

Its clients send a message, wait for the answer, and send the next. So each is answered at once, with the
oldest result that has not been told, or else with what is being said.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import WSMessage, WSMsgType

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2
from amira_core import errors
from amira_core.subtitles import seconds
from amira_gateway import untrusted_json
from amira_gateway.adapters.audio import WholeSamples
from amira_gateway.adapters.hotwords import add_phrase
from amira_gateway.session.audio import AudioShape
from amira_gateway.web.dialect import Content, LastWords
from amira_gateway.web.failures import NORMAL_CLOSE, close_code
from amira_gateway.web.numbers import whole_number

_USUAL_RATE_HZ = 8_000
"""vosk-server's own default."""

_Request = speech_pb2.StreamingRecognizeRequest


class VoskDialect:
    """One connection."""

    protocol = ""
    headers: Mapping[str, str] = {}
    begins_late = True
    silence_s: float | None = None

    def __init__(self) -> None:
        self._config = config_pb2.RecognitionConfig(
            encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=_USUAL_RATE_HZ, interim_results=True
        )
        self._shape: AudioShape | None = None
        self._samples: WholeSamples | None = None
        self._over = False
        self._partial = ""
        self._finals: deque[result_pb2.StreamingResult] = deque()

    def greeting(self) -> Iterator[Content]:
        return iter(())

    def take(self, message: WSMessage) -> Iterator[_Request | Content]:
        if self._over:
            return
        if message.type is WSMsgType.BINARY:
            yield from self._audio(message.data)
            yield self._answer()
            return
        wishes = _wishes(message.data)
        if wishes.get("eof"):
            yield from self._audio(b"")
            self._over = True
            yield _Request(control=speech_pb2.StreamControl(end_of_audio=speech_pb2.EndOfAudio()))
        elif "config" in wishes:
            self._configure(wishes["config"])
        elif wishes.get("reset"):
            yield from self._audio(b"")
            yield _Request(control=speech_pb2.StreamControl(flush=speech_pb2.Flush()))

    def tell(self, response: speech_pb2.StreamingRecognizeResponse) -> Iterator[Content]:
        """Nothing yet: it waits for the next message of audio, or for the end."""
        if response.WhichOneof("response") == "result":
            if response.result.is_final:
                self._finals.append(response.result)
                self._partial = ""
            else:
                self._partial = response.result.alternatives[0].text
        return iter(())

    def end(self, error: errors.AmiraError | None, audio_s: float) -> LastWords:
        """Clients take one answer to their `eof`: it has all results that were not told."""
        if error is not None:
            return LastWords((), close_code(error), error.reason)
        return LastWords((self._result(list(self._finals)),), NORMAL_CLOSE)

    def _configure(self, wanted: object) -> None:
        """Raises InvalidRequestError."""
        if self._samples is not None:
            raise errors.ConfigRepeatedError("config must come before audio.")
        if not isinstance(wanted, dict):
            raise errors.InvalidRequestError("config must be an object.")
        config = self._config
        if "sample_rate" in wanted:
            rate = wanted["sample_rate"]
            rate = int(rate) if isinstance(rate, float) and rate.is_integer() else rate
            config.sample_rate_hz = whole_number("sample_rate", rate)
        config.word_times = bool(wanted.get("words"))
        config.max_alternatives = whole_number("max_alternatives", wanted.get("max_alternatives", 0))
        phrases = wanted.get("phrase_list", [])
        for phrase in phrases if isinstance(phrases, list) else []:
            add_phrase(config.hotwords, str(phrase), 0, "phrase_list")

    def _audio(self, content: bytes) -> Iterator[_Request]:
        if self._samples is None:
            yield _Request(config=self._config)
            self._shape, self._samples = AudioShape.of(self._config), WholeSamples(self._config)
        assert self._shape is not None
        whole = self._samples.take(content)
        for piece in self._shape.cut(whole) if whole else ():
            yield _Request(audio=speech_pb2.AudioChunk(content=piece))

    def _answer(self) -> str:
        if self._finals:
            return self._result([self._finals.popleft()])
        return json.dumps({"partial": self._partial})

    def _result(self, results: list[result_pb2.StreamingResult]) -> str:
        if self._config.max_alternatives and len(results) == 1:
            readings = [self._reading([reading]) for reading in results[0].alternatives]
            return json.dumps({"alternatives": readings})
        reading = self._reading([result.alternatives[0] for result in results])
        return json.dumps({"alternatives": [reading]} if self._config.max_alternatives else reading)

    def _reading(self, said: list[result_pb2.Alternative]) -> dict[str, Any]:
        reading: dict[str, Any] = {"text": " ".join(best.text for best in said if best.text)}
        if self._config.word_times:
            reading["result"] = [_word(word) for best in said for word in best.words]
        if self._config.max_alternatives:
            reading["confidence"] = min((best.confidence for best in said), default=0.0)
        return reading


def _word(word: result_pb2.Word) -> dict[str, Any]:
    start_s, end_s = seconds(word.start), seconds(word.end)
    return {"conf": round(word.confidence, 6), "start": start_s, "end": end_s, "word": word.text}


def _wishes(text: str) -> dict[str, Any]:
    """Raises InvalidRequestError."""
    try:
        wishes = untrusted_json.parse(text)
    except ValueError:
        wishes = None
    if not isinstance(wishes, dict):
        raise errors.InvalidRequestError("A text message must be a JSON object: config or eof.")
    return wishes
