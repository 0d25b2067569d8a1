"""What becomes of each field of a foreign request, as its proto says (amira.adapters.v1.support)."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from amira.adapters.v1 import support_pb2
from amira_core import errors

_MAX_PARTS = 5_000
"""Fields and items of one request that are looked at: enough for as many phrases as Google takes. Looking
takes time."""
_MOST_BYTES = 32 * 1024
"""Messages that are looked through for unknown fields; larger ones hold a recording, or waste our time."""
_MAX_NAMED = 20
"""Ignored fields that are named; a client that sends more has been told enough."""


def support_of(field: FieldDescriptor) -> support_pb2.Support:
    """What the proto says of a field."""
    support: support_pb2.Support = field.GetOptions().Extensions[support_pb2.support]  # type: ignore[index]  # protoc types an extension as a plain field
    return support


def ignored_fields(request: Message) -> list[str]:
    """Paths of the fields that are set and have no effect here, unknown ones (of newer clients) included.

    Raises InvalidSettingError for a field that is refused, and for a request of too many parts.
    """
    ignored: list[str] = []
    for number, path in enumerate(_without_effect(request, "", [_MAX_PARTS])):
        if number == _MAX_NAMED:
            ignored.append("...")
            break
        ignored.append(path)
    return ignored


def _without_effect(message: Message, prefix: str, left: list[int]) -> Iterator[str]:
    if message.ByteSize() <= _MOST_BYTES:
        for unknown in UnknownFieldSet(message):  # type: ignore[attr-defined]  # it is a sequence
            yield f"{prefix}#{unknown.field_number}"
    for field, value in message.ListFields():
        path = prefix + field.name
        support = support_of(field)
        if support == support_pb2.SUPPORT_REFUSED:
            raise errors.InvalidSettingError(f"{path} is not supported here: leave it out.")
        if support == support_pb2.SUPPORT_IGNORED:
            yield path
            continue
        left[0] -= len(value) if field.is_repeated else 1
        if left[0] < 0:
            raise errors.InvalidSettingError(
                f"{path}: the request has more than {_MAX_PARTS} parts: send fewer phrases."
            )
        if field.message_type is None or not field.message_type.file.package.startswith("amira."):
            continue
        for number, part in enumerate(value if field.is_repeated else [value]):
            yield from _without_effect(part, f"{path}[{number}]." if field.is_repeated else f"{path}.", left)
