"""docs/API.md is what the server does."""

from __future__ import annotations

import re

import grpc
from google.protobuf.duration_pb2 import Duration

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2, speech_pb2_grpc
from amira_core.errors import AmiraError, all_errors
from scripts.generate_api import PAGE, with_sections
from tests.docs.conftest import Checkout


def test_its_tables_are_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_sections(text) == text


def test_every_message_enum_and_reason_is_in_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for file in (speech_pb2, config_pb2, result_pb2):
        for name, message in file.DESCRIPTOR.message_types_by_name.items():
            assert f"\n### {name}\n" in text
            for field in message.fields:
                assert f"| `{field.name}` ({field.number}) |" in text, (name, field.name)
        for name, enum in file.DESCRIPTOR.enum_types_by_name.items():
            assert f"\n### {name}\n" in text
            assert all(f"| `{value.name}` ({value.number}) |" in text for value in enum.values)
    for error in all_errors():
        assert error is AmiraError or f"`{error.reason}`" in text


def test_its_limits_are_those_that_a_server_offers(checkout: Checkout) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \| (?:fixed|`AMIRA_)", PAGE.read_text(), re.MULTILINE))
    with grpc.insecure_channel(checkout.grpc) as channel:
        stub = speech_pb2_grpc.SpeechStub(channel)
        offered = stub.GetCapabilities(speech_pb2.GetCapabilitiesRequest(), timeout=30).limits
    assert set(rows) == set(offered.DESCRIPTOR.fields_by_name)
    for name, said in rows.items():
        value = getattr(offered, name)
        if isinstance(value, Duration):
            value = f"{value.ToMilliseconds() / 1000:g} s" if offered.HasField(name) else "not set"
        assert said == str(value), name
