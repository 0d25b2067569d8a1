"""Messages of any protobuf type with random fields: valid on the wire, hardly ever as a request."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_MOST_REPEATED = 4
_DEEPEST = 6
_WORDS = (
    "",
    "a",
    "mark",
    "he was not",
    "\0",
    "\u202e",
    "straße",
    "日本語",
    "x" * 101,
    "y" * 5000,
    "model/../..",
)
_NUMBERS = (0, 1, 2, 7, 8, 9, 100, 8000, 16_000, 48_000, 48_001)
_FLOATS = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    20.0,
    20.1,
    1e-45,
    3.4e38,
    -3.4e38,
    float("inf"),
    float("-inf"),
    float("nan"),
)

Bytes = Callable[[random.Random], bytes]
"""Makes what goes into fields of bytes."""


def random_message(kind: type[Message], chance: random.Random, content: Bytes, depth: int = 0) -> Message:
    """Each field is set or not; members of a oneof as likely as other fields, so that the last one wins."""
    message = kind()
    fields = list(cast(Descriptor, message.DESCRIPTOR).fields)
    chance.shuffle(fields)
    if any(field.containing_oneof for field in fields):
        fields = fields[: chance.choice((0, 1, 1, 1, 1, 1, 2))]
    for field in fields:
        if chance.random() < 0.3:
            continue
        if field.is_repeated:
            values = [_value(field, chance, content, depth) for _ in range(chance.randrange(_MOST_REPEATED))]
            if field.message_type is not None:
                for value in values:
                    getattr(message, field.name).add().CopyFrom(value)
            else:
                getattr(message, field.name).extend(values)
        elif field.message_type is not None:
            if depth < _DEEPEST:
                getattr(message, field.name).CopyFrom(_value(field, chance, content, depth))
        else:
            setattr(message, field.name, _value(field, chance, content, depth))
    return message


def _value(field: FieldDescriptor, chance: random.Random, content: Bytes, depth: int) -> Any:
    if field.message_type is not None:
        return random_message(GetMessageClass(field.message_type), chance, content, depth + 1)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return content(chance)
    if field.enum_type is not None:
        return chance.choice((*field.enum_type.values_by_number, 99))
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return chance.choice(_WORDS)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return chance.random() < 0.5
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return chance.choice(_FLOATS)
    return _integer(field, chance)


def _integer(field: FieldDescriptor, chance: random.Random) -> int:
    bits = 64 if field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64) else 32
    signed = field.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)
    largest = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    bounds = (largest, largest - 1, *((-1, -largest - 1) if signed else ()))
    numbers: list[int] = [*_NUMBERS, *bounds, chance.randrange(largest)]
    return chance.choice(numbers)
