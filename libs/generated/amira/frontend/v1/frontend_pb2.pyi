from amira.asr.v1 import config_pb2 as _config_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExtractRequest(_message.Message):
    __slots__ = ("format", "audio", "barrier", "end", "chunk_begins")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    BARRIER_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    CHUNK_BEGINS_FIELD_NUMBER: _ClassVar[int]
    format: AudioFormat
    audio: bytes
    barrier: int
    end: EndOfAudio
    chunk_begins: bool
    def __init__(self, format: _Optional[_Union[AudioFormat, _Mapping]] = ..., audio: _Optional[bytes] = ..., barrier: _Optional[int] = ..., end: _Optional[_Union[EndOfAudio, _Mapping]] = ..., chunk_begins: _Optional[bool] = ...) -> None: ...

class EndOfAudio(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AudioFormat(_message.Message):
    __slots__ = ("encoding", "sample_rate_hz", "channels", "channel", "first_sample", "chunks")
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    FIRST_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    encoding: _config_pb2.AudioEncoding
    sample_rate_hz: int
    channels: int
    channel: int
    first_sample: int
    chunks: Chunks
    def __init__(self, encoding: _Optional[_Union[_config_pb2.AudioEncoding, str]] = ..., sample_rate_hz: _Optional[int] = ..., channels: _Optional[int] = ..., channel: _Optional[int] = ..., first_sample: _Optional[int] = ..., chunks: _Optional[_Union[Chunks, _Mapping]] = ...) -> None: ...

class Chunks(_message.Message):
    __slots__ = ("first_frame", "window_frames", "chunk_frames")
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FRAMES_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FRAMES_FIELD_NUMBER: _ClassVar[int]
    first_frame: int
    window_frames: int
    chunk_frames: int
    def __init__(self, first_frame: _Optional[int] = ..., window_frames: _Optional[int] = ..., chunk_frames: _Optional[int] = ...) -> None: ...

class ExtractResponse(_message.Message):
    __slots__ = ("features", "barrier", "summary", "draining")
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    BARRIER_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    features: Features
    barrier: int
    summary: ExtractSummary
    draining: Draining
    def __init__(self, features: _Optional[_Union[Features, _Mapping]] = ..., barrier: _Optional[int] = ..., summary: _Optional[_Union[ExtractSummary, _Mapping]] = ..., draining: _Optional[_Union[Draining, _Mapping]] = ...) -> None: ...

class Draining(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Features(_message.Message):
    __slots__ = ("frames", "first_frame", "received_samples")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    frames: bytes
    first_frame: int
    received_samples: int
    def __init__(self, frames: _Optional[bytes] = ..., first_frame: _Optional[int] = ..., received_samples: _Optional[int] = ...) -> None: ...

class ExtractSummary(_message.Message):
    __slots__ = ("frames", "samples")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    frames: int
    samples: int
    def __init__(self, frames: _Optional[int] = ..., samples: _Optional[int] = ...) -> None: ...
