from amira.asr.v1 import config_pb2 as _config_pb2
from amira.asr.v1 import result_pb2 as _result_pb2
from amira.asr.v1 import speech_pb2 as _speech_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecodeRequest(_message.Message):
    __slots__ = ("config", "features", "flush", "mark", "update_config", "end", "resume", "model_version")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FLUSH_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    UPDATE_CONFIG_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    config: _config_pb2.RecognitionConfig
    features: bytes
    flush: _speech_pb2.Flush
    mark: _speech_pb2.Mark
    update_config: _speech_pb2.UpdateConfig
    end: _speech_pb2.EndOfAudio
    resume: ResumePoint
    model_version: str
    def __init__(self, config: _Optional[_Union[_config_pb2.RecognitionConfig, _Mapping]] = ..., features: _Optional[bytes] = ..., flush: _Optional[_Union[_speech_pb2.Flush, _Mapping]] = ..., mark: _Optional[_Union[_speech_pb2.Mark, _Mapping]] = ..., update_config: _Optional[_Union[_speech_pb2.UpdateConfig, _Mapping]] = ..., end: _Optional[_Union[_speech_pb2.EndOfAudio, _Mapping]] = ..., resume: _Optional[_Union[ResumePoint, _Mapping]] = ..., model_version: _Optional[str] = ...) -> None: ...

class ResumePoint(_message.Message):
    __slots__ = ("first_frame", "warm_up_chunks", "segment_id", "segment_start_frame")
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    WARM_UP_CHUNKS_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_START_FRAME_FIELD_NUMBER: _ClassVar[int]
    first_frame: int
    warm_up_chunks: int
    segment_id: int
    segment_start_frame: int
    def __init__(self, first_frame: _Optional[int] = ..., warm_up_chunks: _Optional[int] = ..., segment_id: _Optional[int] = ..., segment_start_frame: _Optional[int] = ...) -> None: ...

class Draining(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DecodeResponse(_message.Message):
    __slots__ = ("accepted", "result", "event", "mark", "draining", "resume", "decoded_frames")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    DECODED_FRAMES_FIELD_NUMBER: _ClassVar[int]
    accepted: StreamAccepted
    result: _result_pb2.StreamingResult
    event: _result_pb2.SpeechEvent
    mark: _speech_pb2.Mark
    draining: Draining
    resume: ResumePoint
    decoded_frames: int
    def __init__(self, accepted: _Optional[_Union[StreamAccepted, _Mapping]] = ..., result: _Optional[_Union[_result_pb2.StreamingResult, _Mapping]] = ..., event: _Optional[_Union[_result_pb2.SpeechEvent, _Mapping]] = ..., mark: _Optional[_Union[_speech_pb2.Mark, _Mapping]] = ..., draining: _Optional[_Union[Draining, _Mapping]] = ..., resume: _Optional[_Union[ResumePoint, _Mapping]] = ..., decoded_frames: _Optional[int] = ...) -> None: ...

class StreamAccepted(_message.Message):
    __slots__ = ("model", "slot", "degraded", "window_frames", "chunk_frames")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FRAMES_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FRAMES_FIELD_NUMBER: _ClassVar[int]
    model: _config_pb2.ModelInfo
    slot: int
    degraded: bool
    window_frames: int
    chunk_frames: int
    def __init__(self, model: _Optional[_Union[_config_pb2.ModelInfo, _Mapping]] = ..., slot: _Optional[int] = ..., degraded: _Optional[bool] = ..., window_frames: _Optional[int] = ..., chunk_frames: _Optional[int] = ...) -> None: ...

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("models", "decoding_methods", "slots_total", "slots_used", "max_hotwords", "slots_orphaned", "degraded")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    DECODING_METHODS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    SLOTS_USED_FIELD_NUMBER: _ClassVar[int]
    MAX_HOTWORDS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_ORPHANED_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_config_pb2.ModelInfo]
    decoding_methods: _containers.RepeatedScalarFieldContainer[_config_pb2.DecodingMethod]
    slots_total: int
    slots_used: int
    max_hotwords: int
    slots_orphaned: int
    degraded: bool
    def __init__(self, models: _Optional[_Iterable[_Union[_config_pb2.ModelInfo, _Mapping]]] = ..., decoding_methods: _Optional[_Iterable[_Union[_config_pb2.DecodingMethod, str]]] = ..., slots_total: _Optional[int] = ..., slots_used: _Optional[int] = ..., max_hotwords: _Optional[int] = ..., slots_orphaned: _Optional[int] = ..., degraded: _Optional[bool] = ...) -> None: ...
