"""Our protos of foreign APIs against the vendors' own, which live in this very process, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud import speech_v1, speech_v1p1beta1, speech_v2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from riva.client.proto import riva_asr_pb2

from amira.adapters.v1 import support_pb2
from amira.googlespeech.v1 import speech_pb2 as google_v1
from amira.googlespeech.v2 import speech_pb2 as google_v2
from amira.riva.v1 import riva_pb2
from amira_gateway.adapters.fields import support_of
from scripts.generate_adapter_tables import DOCUMENT, with_tables

CALLS = ("RecognizeRequest", "RecognizeResponse", "StreamingRecognizeRequest", "StreamingRecognizeResponse")
CONFIG_CALLS = ("RivaSpeechRecognitionConfigRequest", "RivaSpeechRecognitionConfigResponse")

Pairs = Iterator[tuple[Descriptor, Descriptor]]


def googles(package: Any, ours: Any) -> list[tuple[Descriptor, Descriptor]]:
    return [(getattr(package, name).pb().DESCRIPTOR, getattr(ours, name).DESCRIPTOR) for name in CALLS]


RIVAS = [
    (getattr(riva_asr_pb2, name).DESCRIPTOR, getattr(riva_pb2, name).DESCRIPTOR)
    for name in CALLS + CONFIG_CALLS
]
APIS = {
    "riva": RIVAS,
    "v1": googles(speech_v1, google_v1),
    "v2": googles(speech_v2, google_v2),
}


def messages(theirs: Descriptor, ours: Descriptor, seen: set[str]) -> Pairs:
    """All messages that can be part of one, ours beside theirs."""
    if theirs.full_name in seen:
        return
    seen.add(theirs.full_name)
    yield theirs, ours
    for field in theirs.fields:
        mine = ours.fields_by_number.get(field.number)
        if mine is None or mine.message_type is None:
            continue
        if mine.message_type.file.package.startswith("amira.") and not is_map(field):
            yield from messages(field.message_type, mine.message_type, seen)


def is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def wire(field: FieldDescriptor) -> tuple[Any, ...]:
    """What decides how a field looks on the wire, and how it is called."""
    as_varint = field.type == FieldDescriptor.TYPE_ENUM
    as_bytes = field.message_type is not None and field.message_type.full_name == "google.rpc.Status"
    kind = FieldDescriptor.TYPE_INT32 if as_varint else FieldDescriptor.TYPE_BYTES if as_bytes else field.type
    optional = field.containing_oneof is not None and field.containing_oneof.name == f"_{field.name}"
    oneof = field.containing_oneof.name if field.containing_oneof and not optional else ""
    return field.name, kind, field.is_repeated, field.has_presence and not as_bytes, oneof


def same_values(theirs: EnumDescriptor, ours: EnumDescriptor) -> bool:
    """Ours have the enum's name before theirs, and ALAW, which v1p1beta1 has, in v1, too."""
    numbers = {value.number for value in theirs.values}
    extra = [value.name for value in ours.values if value.number not in numbers]
    return extra in ([], ["AUDIO_ENCODING_ALAW"]) and all(
        ours.values_by_number[value.number].name.endswith(value.name)
        for value in theirs.values
        if value.number
    )


@pytest.mark.parametrize("api", APIS)
def test_every_field_of_theirs_is_one_of_ours(api: str) -> None:
    seen: set[str] = set()
    for pair in APIS[api]:
        for theirs, ours in messages(*pair, seen):
            assert {f.number: wire(f) for f in theirs.fields} == {f.number: wire(f) for f in ours.fields}
            for field in theirs.fields:
                mine = ours.fields_by_number[field.number]
                if mine.enum_type is not None:
                    assert same_values(field.enum_type, mine.enum_type), field.full_name
    assert len(seen) > 10


def test_v1p1beta1_means_the_same_by_every_number_that_v1_has() -> None:
    seen: set[str] = set()
    for pair in googles(speech_v1p1beta1, google_v1):
        for theirs, ours in messages(*pair, seen):
            numbers = {f.number: wire(f) for f in theirs.fields}
            assert {f.number: wire(f) for f in ours.fields}.items() <= numbers.items()
    assert len(seen) > 10


@pytest.mark.parametrize("module", [riva_pb2, google_v1, google_v2], ids=APIS)
def test_every_field_says_what_becomes_of_it(module: Any) -> None:
    def fields(message: Descriptor) -> Iterator[FieldDescriptor]:
        if not message.GetOptions().map_entry:
            yield from message.fields
        for nested in message.nested_types:
            yield from fields(nested)

    for message in module.DESCRIPTOR.message_types_by_name.values():
        for field in fields(message):
            assert support_of(field) != support_pb2.SUPPORT_UNSPECIFIED, field.full_name


def test_the_tables_for_users_are_current() -> None:
    text = DOCUMENT.read_text()
    assert with_tables(text) == text
    assert "| `RecognitionConfig.profanity_filter` | ignored |" in text
    with pytest.raises(ValueError, match="no place for <!-- amira/riva"):
        with_tables("nothing")
