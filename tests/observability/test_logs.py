"""The logs of a real run: an object a line, streams by their session, and never a word of what was said."""

from __future__ import annotations

import json
import re
from datetime import datetime
from itertools import pairwise

import pytest

from tests.observability.conftest import SERVICES, Said
from tests.support.stack import StackThread


@pytest.mark.parametrize("service", SERVICES)
def test_every_line_is_an_object_with_time_level_and_service(
    stack: StackThread, said: Said, service: str
) -> None:
    lines = stack.log_of(service).splitlines()
    assert len(lines) > 2
    for line in lines:
        record = json.loads(line)
        assert record["service"] == service
        assert record["level"] in ("debug", "info", "warning", "error")
        assert datetime.fromisoformat(record["timestamp"]).tzinfo is not None


def test_lines_of_a_stream_name_its_session(stack: StackThread, said: Said) -> None:
    records = [json.loads(line) for line in stack.log_of("gateway").splitlines()]
    sessions = {answer.responses[0].session.session_id for answer in said.answers}
    for event in ("stream_started", "stream_ended"):
        assert sessions <= {record.get("session_id") for record in records if record["event"] == event}


@pytest.mark.parametrize("service", ["frontend", "decoder"])
def test_services_behind_the_gateway_know_the_session(stack: StackThread, said: Said, service: str) -> None:
    records = [json.loads(line) for line in stack.log_of(service).splitlines()]
    started = [record["session_id"] for record in records if record["event"] == "stream_opened"]
    assert {answer.responses[0].session.session_id for answer in said.answers} <= set(started)


@pytest.mark.parametrize("service", SERVICES)
def test_no_word_that_was_said_is_in_any_log(stack: StackThread, said: Said, service: str) -> None:
    words = [word.lower() for word in said.words]
    rare = {word for word in words if len(word) > 5}
    pairs = {" ".join(pair) for pair in pairwise(words)}
    assert len(rare) >= 8
    assert len(pairs) >= 20
    log = stack.log_of(service).lower()
    assert not rare & set(re.findall(r"[a-z']+", log))
    assert not {pair for pair in pairs if pair in log}
