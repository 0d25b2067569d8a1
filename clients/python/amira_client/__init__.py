"""Client for Amira ASR: audio in, words out while people are still speaking.

    async with AmiraClient("127.0.0.1:50051") as client:
        print((await client.transcribe("speech.flac")).text)

    with SyncClient("127.0.0.1:50051") as client:  # the same without asyncio
        print(client.transcribe("speech.flac").text)

    AmiraClient("amira.example:443", tls=True, api_key="amira_...")  # or token="eyJ..."

        config = RecognitionConfig(
            encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000, interim_results=True
        )
        async with client.stream(config) as stream:
            await stream.send(first_100_ms)
            ...
            await stream.end()
            async for event in stream.events():
                match event:
                    case Interim(text=text): ...
                    case Final(text=text): ...

A stream that loses its server goes on by itself, there or at another one (:class:`Resuming`): give several,
``AmiraClient("a:50051,b:50051")``, and one of them may go at any time.

Before a server ends a stream by one of its limits it sends a `warning` (:class:`StreamWarning`):
``KIND_IDLE``, which :meth:`RecognitionStream.keep_alive` answers, or ``KIND_MAX_STREAM``, after which the
stream ends with its last final and ``STREAM_TOO_LONG``; a new one goes on with the audio from the last
``received_offset`` on.

Needs grpcio, grpcio-status and protobuf; soundfile only for files that the server cannot read.
"""

from amira.asr.v1.config_pb2 import (
    AudioEncoding,
    DecodingMethod,
    EndpointConfig,
    EndpointPreset,
    Hotword,
    HotwordSet,
    RecognitionConfig,
)
from amira.asr.v1.result_pb2 import Alternative, SessionInfo, SpeechEvent, StreamingResult, Word
from amira.asr.v1.speech_pb2 import (
    GetCapabilitiesResponse,
    RecognizeResponse,
    StreamingRecognizeResponse,
    StreamWarning,
)
from amira_client.access import Tls
from amira_client.audio import Audio, open_audio
from amira_client.client import AmiraClient
from amira_client.errors import (
    AccessError,
    AmiraClientError,
    MicrophoneError,
    ServerError,
    StreamStateError,
    UnreachableError,
    UnreadableAudioError,
)
from amira_client.events import (
    Draining,
    EndingSoon,
    Event,
    Final,
    HeardWord,
    Interim,
    MarkReached,
    Reading,
    SessionStarted,
    SpeechEnded,
    SpeechStarted,
)
from amira_client.microphone import Microphone, Overrun
from amira_client.resuming import Resuming
from amira_client.retrying import Retrying
from amira_client.stream import RecognitionStream
from amira_client.sync_client import ClientOptions, SyncClient
from amira_client.sync_stream import SyncStream
from amira_client.tokens import RefreshingToken
from amira_client.transcript import Transcript

__all__ = [
    "AccessError",
    "Alternative",
    "AmiraClient",
    "AmiraClientError",
    "Audio",
    "AudioEncoding",
    "ClientOptions",
    "DecodingMethod",
    "Draining",
    "EndingSoon",
    "EndpointConfig",
    "EndpointPreset",
    "Event",
    "Final",
    "GetCapabilitiesResponse",
    "HeardWord",
    "Hotword",
    "HotwordSet",
    "Interim",
    "MarkReached",
    "Microphone",
    "MicrophoneError",
    "Overrun",
    "Reading",
    "RecognitionConfig",
    "RecognitionStream",
    "RecognizeResponse",
    "RefreshingToken",
    "Resuming",
    "Retrying",
    "ServerError",
    "SessionInfo",
    "SessionStarted",
    "SpeechEnded",
    "SpeechEvent",
    "SpeechStarted",
    "StreamStateError",
    "StreamWarning",
    "StreamingRecognizeResponse",
    "StreamingResult",
    "SyncClient",
    "SyncStream",
    "Tls",
    "Transcript",
    "UnreachableError",
    "UnreadableAudioError",
    "Word",
    "open_audio",
]
