import datetime

from amira.asr.v1 import config_pb2 as _config_pb2
from amira.asr.v1 import result_pb2 as _result_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StreamingRecognizeRequest(_message.Message):
    __slots__ = ("config", "audio", "control", "resume", "resume_point", "resumable")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    RESUME_POINT_FIELD_NUMBER: _ClassVar[int]
    RESUMABLE_FIELD_NUMBER: _ClassVar[int]
    config: _config_pb2.RecognitionConfig
    audio: AudioChunk
    control: StreamControl
    resume: Resume
    resume_point: ResumePoint
    resumable: bool
    def __init__(self, config: _Optional[_Union[_config_pb2.RecognitionConfig, _Mapping]] = ..., audio: _Optional[_Union[AudioChunk, _Mapping]] = ..., control: _Optional[_Union[StreamControl, _Mapping]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ..., resume_point: _Optional[_Union[ResumePoint, _Mapping]] = ..., resumable: _Optional[bool] = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ("token", "last_sequence")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    token: str
    last_sequence: int
    def __init__(self, token: _Optional[str] = ..., last_sequence: _Optional[int] = ...) -> None: ...

class ResumePoint(_message.Message):
    __slots__ = ("audio_offset", "state")
    AUDIO_OFFSET_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    audio_offset: int
    state: bytes
    def __init__(self, audio_offset: _Optional[int] = ..., state: _Optional[bytes] = ...) -> None: ...

class Draining(_message.Message):
    __slots__ = ("time_left",)
    TIME_LEFT_FIELD_NUMBER: _ClassVar[int]
    time_left: _duration_pb2.Duration
    def __init__(self, time_left: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class StreamWarning(_message.Message):
    __slots__ = ("kind", "time_left")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[StreamWarning.Kind]
        KIND_IDLE: _ClassVar[StreamWarning.Kind]
        KIND_MAX_STREAM: _ClassVar[StreamWarning.Kind]
    KIND_UNSPECIFIED: StreamWarning.Kind
    KIND_IDLE: StreamWarning.Kind
    KIND_MAX_STREAM: StreamWarning.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    TIME_LEFT_FIELD_NUMBER: _ClassVar[int]
    kind: StreamWarning.Kind
    time_left: _duration_pb2.Duration
    def __init__(self, kind: _Optional[_Union[StreamWarning.Kind, str]] = ..., time_left: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class AudioChunk(_message.Message):
    __slots__ = ("content", "offset")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    offset: int
    def __init__(self, content: _Optional[bytes] = ..., offset: _Optional[int] = ...) -> None: ...

class StreamControl(_message.Message):
    __slots__ = ("keep_alive", "flush", "mark", "update_config", "end_of_audio", "abandon")
    KEEP_ALIVE_FIELD_NUMBER: _ClassVar[int]
    FLUSH_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    UPDATE_CONFIG_FIELD_NUMBER: _ClassVar[int]
    END_OF_AUDIO_FIELD_NUMBER: _ClassVar[int]
    ABANDON_FIELD_NUMBER: _ClassVar[int]
    keep_alive: KeepAlive
    flush: Flush
    mark: Mark
    update_config: UpdateConfig
    end_of_audio: EndOfAudio
    abandon: Abandon
    def __init__(self, keep_alive: _Optional[_Union[KeepAlive, _Mapping]] = ..., flush: _Optional[_Union[Flush, _Mapping]] = ..., mark: _Optional[_Union[Mark, _Mapping]] = ..., update_config: _Optional[_Union[UpdateConfig, _Mapping]] = ..., end_of_audio: _Optional[_Union[EndOfAudio, _Mapping]] = ..., abandon: _Optional[_Union[Abandon, _Mapping]] = ...) -> None: ...

class KeepAlive(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Flush(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EndOfAudio(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Abandon(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Mark(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class UpdateConfig(_message.Message):
    __slots__ = ("hotwords", "endpoint", "interim_results")
    HOTWORDS_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    INTERIM_RESULTS_FIELD_NUMBER: _ClassVar[int]
    hotwords: _config_pb2.HotwordSet
    endpoint: _config_pb2.EndpointConfig
    interim_results: bool
    def __init__(self, hotwords: _Optional[_Union[_config_pb2.HotwordSet, _Mapping]] = ..., endpoint: _Optional[_Union[_config_pb2.EndpointConfig, _Mapping]] = ..., interim_results: _Optional[bool] = ...) -> None: ...

class StreamingRecognizeResponse(_message.Message):
    __slots__ = ("session", "result", "event", "mark", "draining", "warning", "sequence", "received_offset", "resume_point", "lag", "degraded")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_OFFSET_FIELD_NUMBER: _ClassVar[int]
    RESUME_POINT_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    session: _result_pb2.SessionInfo
    result: _result_pb2.StreamingResult
    event: _result_pb2.SpeechEvent
    mark: Mark
    draining: Draining
    warning: StreamWarning
    sequence: int
    received_offset: int
    resume_point: ResumePoint
    lag: _result_pb2.StreamLag
    degraded: bool
    def __init__(self, session: _Optional[_Union[_result_pb2.SessionInfo, _Mapping]] = ..., result: _Optional[_Union[_result_pb2.StreamingResult, _Mapping]] = ..., event: _Optional[_Union[_result_pb2.SpeechEvent, _Mapping]] = ..., mark: _Optional[_Union[Mark, _Mapping]] = ..., draining: _Optional[_Union[Draining, _Mapping]] = ..., warning: _Optional[_Union[StreamWarning, _Mapping]] = ..., sequence: _Optional[int] = ..., received_offset: _Optional[int] = ..., resume_point: _Optional[_Union[ResumePoint, _Mapping]] = ..., lag: _Optional[_Union[_result_pb2.StreamLag, _Mapping]] = ..., degraded: _Optional[bool] = ...) -> None: ...

class RecognizeRequest(_message.Message):
    __slots__ = ("config", "audio")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    config: _config_pb2.RecognitionConfig
    audio: bytes
    def __init__(self, config: _Optional[_Union[_config_pb2.RecognitionConfig, _Mapping]] = ..., audio: _Optional[bytes] = ...) -> None: ...

class RecognizeResponse(_message.Message):
    __slots__ = ("session", "results", "degraded")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    session: _result_pb2.SessionInfo
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.StreamingResult]
    degraded: bool
    def __init__(self, session: _Optional[_Union[_result_pb2.SessionInfo, _Mapping]] = ..., results: _Optional[_Iterable[_Union[_result_pb2.StreamingResult, _Mapping]]] = ..., degraded: _Optional[bool] = ...) -> None: ...

class GetCapabilitiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCapabilitiesResponse(_message.Message):
    __slots__ = ("models", "encodings", "decoding_methods", "limits", "server_version")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    ENCODINGS_FIELD_NUMBER: _ClassVar[int]
    DECODING_METHODS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_config_pb2.ModelInfo]
    encodings: _containers.RepeatedScalarFieldContainer[_config_pb2.AudioEncoding]
    decoding_methods: _containers.RepeatedScalarFieldContainer[_config_pb2.DecodingMethod]
    limits: _config_pb2.Limits
    server_version: str
    def __init__(self, models: _Optional[_Iterable[_Union[_config_pb2.ModelInfo, _Mapping]]] = ..., encodings: _Optional[_Iterable[_Union[_config_pb2.AudioEncoding, str]]] = ..., decoding_methods: _Optional[_Iterable[_Union[_config_pb2.DecodingMethod, str]]] = ..., limits: _Optional[_Union[_config_pb2.Limits, _Mapping]] = ..., server_version: _Optional[str] = ...) -> None: ...
