from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class Support(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUPPORT_UNSPECIFIED: _ClassVar[Support]
    SUPPORT_FULL: _ClassVar[Support]
    SUPPORT_PARTIAL: _ClassVar[Support]
    SUPPORT_IGNORED: _ClassVar[Support]
    SUPPORT_REFUSED: _ClassVar[Support]
    SUPPORT_UNSET: _ClassVar[Support]
SUPPORT_UNSPECIFIED: Support
SUPPORT_FULL: Support
SUPPORT_PARTIAL: Support
SUPPORT_IGNORED: Support
SUPPORT_REFUSED: Support
SUPPORT_UNSET: Support
SUPPORT_FIELD_NUMBER: _ClassVar[int]
support: _descriptor.FieldDescriptor
