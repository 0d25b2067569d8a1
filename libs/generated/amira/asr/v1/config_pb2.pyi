import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AudioEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIO_ENCODING_UNSPECIFIED: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_LINEAR16: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_FLOAT32: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_MULAW: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_ALAW: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_FLAC: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_WAV: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_OGG_OPUS: _ClassVar[AudioEncoding]

class DecodingMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECODING_METHOD_UNSPECIFIED: _ClassVar[DecodingMethod]
    DECODING_METHOD_GREEDY: _ClassVar[DecodingMethod]
    DECODING_METHOD_BEAM: _ClassVar[DecodingMethod]
    DECODING_METHOD_K2: _ClassVar[DecodingMethod]

class EndpointPreset(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENDPOINT_PRESET_UNSPECIFIED: _ClassVar[EndpointPreset]
    ENDPOINT_PRESET_STANDARD: _ClassVar[EndpointPreset]
    ENDPOINT_PRESET_SHORT: _ClassVar[EndpointPreset]
    ENDPOINT_PRESET_VERY_SHORT: _ClassVar[EndpointPreset]
    ENDPOINT_PRESET_OFF: _ClassVar[EndpointPreset]
AUDIO_ENCODING_UNSPECIFIED: AudioEncoding
AUDIO_ENCODING_LINEAR16: AudioEncoding
AUDIO_ENCODING_FLOAT32: AudioEncoding
AUDIO_ENCODING_MULAW: AudioEncoding
AUDIO_ENCODING_ALAW: AudioEncoding
AUDIO_ENCODING_FLAC: AudioEncoding
AUDIO_ENCODING_WAV: AudioEncoding
AUDIO_ENCODING_OGG_OPUS: AudioEncoding
DECODING_METHOD_UNSPECIFIED: DecodingMethod
DECODING_METHOD_GREEDY: DecodingMethod
DECODING_METHOD_BEAM: DecodingMethod
DECODING_METHOD_K2: DecodingMethod
ENDPOINT_PRESET_UNSPECIFIED: EndpointPreset
ENDPOINT_PRESET_STANDARD: EndpointPreset
ENDPOINT_PRESET_SHORT: EndpointPreset
ENDPOINT_PRESET_VERY_SHORT: EndpointPreset
ENDPOINT_PRESET_OFF: EndpointPreset

class RecognitionConfig(_message.Message):
    __slots__ = ("encoding", "sample_rate_hz", "channels", "channel", "model", "interim_results", "max_alternatives", "word_times", "hotwords", "endpoint", "decoding_method")
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    INTERIM_RESULTS_FIELD_NUMBER: _ClassVar[int]
    MAX_ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    WORD_TIMES_FIELD_NUMBER: _ClassVar[int]
    HOTWORDS_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    DECODING_METHOD_FIELD_NUMBER: _ClassVar[int]
    encoding: AudioEncoding
    sample_rate_hz: int
    channels: int
    channel: int
    model: str
    interim_results: bool
    max_alternatives: int
    word_times: bool
    hotwords: HotwordSet
    endpoint: EndpointConfig
    decoding_method: DecodingMethod
    def __init__(self, encoding: _Optional[_Union[AudioEncoding, str]] = ..., sample_rate_hz: _Optional[int] = ..., channels: _Optional[int] = ..., channel: _Optional[int] = ..., model: _Optional[str] = ..., interim_results: _Optional[bool] = ..., max_alternatives: _Optional[int] = ..., word_times: _Optional[bool] = ..., hotwords: _Optional[_Union[HotwordSet, _Mapping]] = ..., endpoint: _Optional[_Union[EndpointConfig, _Mapping]] = ..., decoding_method: _Optional[_Union[DecodingMethod, str]] = ...) -> None: ...

class HotwordSet(_message.Message):
    __slots__ = ("phrases", "default_boost")
    PHRASES_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_BOOST_FIELD_NUMBER: _ClassVar[int]
    phrases: _containers.RepeatedCompositeFieldContainer[Hotword]
    default_boost: float
    def __init__(self, phrases: _Optional[_Iterable[_Union[Hotword, _Mapping]]] = ..., default_boost: _Optional[float] = ...) -> None: ...

class Hotword(_message.Message):
    __slots__ = ("phrase", "boost")
    PHRASE_FIELD_NUMBER: _ClassVar[int]
    BOOST_FIELD_NUMBER: _ClassVar[int]
    phrase: str
    boost: float
    def __init__(self, phrase: _Optional[str] = ..., boost: _Optional[float] = ...) -> None: ...

class EndpointConfig(_message.Message):
    __slots__ = ("preset", "silence_without_speech", "silence_after_speech", "max_segment")
    PRESET_FIELD_NUMBER: _ClassVar[int]
    SILENCE_WITHOUT_SPEECH_FIELD_NUMBER: _ClassVar[int]
    SILENCE_AFTER_SPEECH_FIELD_NUMBER: _ClassVar[int]
    MAX_SEGMENT_FIELD_NUMBER: _ClassVar[int]
    preset: EndpointPreset
    silence_without_speech: _duration_pb2.Duration
    silence_after_speech: _duration_pb2.Duration
    max_segment: _duration_pb2.Duration
    def __init__(self, preset: _Optional[_Union[EndpointPreset, str]] = ..., silence_without_speech: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., silence_after_speech: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_segment: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ModelInfo(_message.Message):
    __slots__ = ("name", "version", "language_code", "chunk_duration", "look_ahead")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_CODE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_DURATION_FIELD_NUMBER: _ClassVar[int]
    LOOK_AHEAD_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    language_code: str
    chunk_duration: _duration_pb2.Duration
    look_ahead: _duration_pb2.Duration
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., language_code: _Optional[str] = ..., chunk_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., look_ahead: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("min_sample_rate_hz", "max_sample_rate_hz", "max_channels", "max_hotwords", "max_unary_audio", "max_message_bytes", "max_alternatives", "idle_timeout", "max_stream")
    MIN_SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    MAX_SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    MAX_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    MAX_HOTWORDS_FIELD_NUMBER: _ClassVar[int]
    MAX_UNARY_AUDIO_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    IDLE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_STREAM_FIELD_NUMBER: _ClassVar[int]
    min_sample_rate_hz: int
    max_sample_rate_hz: int
    max_channels: int
    max_hotwords: int
    max_unary_audio: _duration_pb2.Duration
    max_message_bytes: int
    max_alternatives: int
    idle_timeout: _duration_pb2.Duration
    max_stream: _duration_pb2.Duration
    def __init__(self, min_sample_rate_hz: _Optional[int] = ..., max_sample_rate_hz: _Optional[int] = ..., max_channels: _Optional[int] = ..., max_hotwords: _Optional[int] = ..., max_unary_audio: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_message_bytes: _Optional[int] = ..., max_alternatives: _Optional[int] = ..., idle_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_stream: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
