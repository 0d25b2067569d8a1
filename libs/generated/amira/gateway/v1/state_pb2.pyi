from amira.decoder.v1 import decoder_pb2 as _decoder_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StreamState(_message.Message):
    __slots__ = ("version", "decoder", "model", "model_version", "traceparent")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DECODER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    version: int
    decoder: _decoder_pb2.ResumePoint
    model: str
    model_version: str
    traceparent: str
    def __init__(self, version: _Optional[int] = ..., decoder: _Optional[_Union[_decoder_pb2.ResumePoint, _Mapping]] = ..., model: _Optional[str] = ..., model_version: _Optional[str] = ..., traceparent: _Optional[str] = ...) -> None: ...
