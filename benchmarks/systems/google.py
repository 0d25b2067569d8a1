"""Google Cloud Speech-to-Text v2, StreamingRecognize.

Written after its public reference and never run against the service here. GOOGLE_CLOUD_PROJECT and the usual
credentials turn it on; GOOGLE_SPEECH_LOCATION (default global) and GOOGLE_SPEECH_MODEL (default long) choose.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from google.api_core.client_options import ClientOptions
from google.cloud import speech_v2

from benchmarks.load.wire import Tape
from benchmarks.systems.base import SAMPLE_RATE_HZ, Reading
from benchmarks.systems.remote import RemoteSpeech, spoken


class GoogleSpeech(RemoteSpeech):
    """One gRPC call per stream, all on one channel."""

    def __init__(self) -> None:
        self._location = os.environ.get("GOOGLE_SPEECH_LOCATION", "global")
        self._client: Any = None

    async def converse(self, audio: AsyncIterator[bytes], received: Callable[[bytes], None]) -> None:
        if self._client is None:
            place = "" if self._location == "global" else f"{self._location}-"
            options = ClientOptions(api_endpoint=f"{place}speech.googleapis.com")
            self._client = speech_v2.SpeechAsyncClient(client_options=options)
        responses = await self._client.streaming_recognize(requests=self._requests(audio))
        async for response in responses:
            received(speech_v2.StreamingRecognizeResponse.serialize(response))

    async def _requests(self, audio: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        project = os.environ["GOOGLE_CLOUD_PROJECT"]
        config = speech_v2.RecognitionConfig(
            explicit_decoding_config=speech_v2.ExplicitDecodingConfig(
                encoding=speech_v2.ExplicitDecodingConfig.AudioEncoding.LINEAR16,
                sample_rate_hertz=SAMPLE_RATE_HZ,
                audio_channel_count=1,
            ),
            language_codes=["en-US"],
            model=os.environ.get("GOOGLE_SPEECH_MODEL", "long"),
        )
        yield speech_v2.StreamingRecognizeRequest(
            recognizer=f"projects/{project}/locations/{self._location}/recognizers/_",
            streaming_config=speech_v2.StreamingRecognitionConfig(
                config=config,
                streaming_features=speech_v2.StreamingRecognitionFeatures(interim_results=True),
            ),
        )
        async for piece in audio:
            yield speech_v2.StreamingRecognizeRequest(audio=piece)

    def readings(self, tape: Tape) -> Iterator[Reading]:
        results = []
        for at_s, message in tape.arrivals:
            response = speech_v2.StreamingRecognizeResponse.deserialize(message)
            said = [result for result in response.results if result.alternatives]
            if said:  # several interims follow one another; a final comes alone
                text = "".join(result.alternatives[0].transcript for result in said)
                heard_s = max(result.result_end_offset.total_seconds() for result in said)
                results.append((at_s, text, said[0].is_final, heard_s))
        yield from spoken(results)
