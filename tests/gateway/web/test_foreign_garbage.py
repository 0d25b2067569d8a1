"""Messages at random in the protocols of others: none shows a defect, and all places are freed."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amira_core.metrics.registry import REGISTRY
from tests.gateway.scripted import until
from tests.support.spoken import Gateway

_PATHS = (
    "/v1/listen",
    "/v1/listen?encoding=linear16&sample_rate=16000&utterance_end_ms=1000&vad_events=true",
    "/v1/realtime?intent=transcription",
    "/vosk",
)
_AUDIO = base64.b64encode(bytes(9_600)).decode()
_TYPES = (
    "KeepAlive", "Finalize", "CloseStream", "Configure", "session.update", "transcription_session.update",
    "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
)  # fmt: skip
_NAMES = (
    "audio", "config", "eof", "format", "include", "input", "keyterms", "keywords", "language", "model",
    "max_alternatives", "phrase_list", "sample_rate", "session", "transcription", "turn_detection", "words",
)  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just(_AUDIO),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*_NAMES, "type"]), inner, max_size=3)
    ),
    max_leaves=10,
)
_EVENTS = st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=3)
_MESSAGES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(_TYPES), _EVENTS).map(
            lambda pair: json.dumps({**pair[1], "type": pair[0]})
        ),
        _EVENTS.map(json.dumps),
        st.text(max_size=20),
        st.binary(max_size=50),
        st.just(bytes(6_400)),
    ),
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(_PATHS), messages=_MESSAGES)
def test_whatever_comes_shows_no_defect(gateway: Gateway, path: str, messages: list[str | bytes]) -> None:
    before = REGISTRY.get_sample_value("amira_incidents_total")
    asyncio.run(_throw(gateway, path, messages))
    assert REGISTRY.get_sample_value("amira_incidents_total") == before


async def _throw(gateway: Gateway, path: str, messages: list[str | bytes]) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(gateway.http + path) as ws:
        for message in messages:
            try:
                await (ws.send_str(message) if isinstance(message, str) else ws.send_bytes(message))
            except ConnectionError:
                break
        with suppress(TimeoutError):  # to some nothing is said
            while (await ws.receive(timeout=0.05)).type is aiohttp.WSMsgType.TEXT:
                pass
    await until(lambda: len(gateway.speech.admission) == 0)
