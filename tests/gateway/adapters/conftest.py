"""One gateway for all tests of foreign protocols, and the clients that call it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.cloud import speech_v1, speech_v2
from google.cloud.speech_v1.services.speech.transports import SpeechGrpcTransport as TransportV1
from google.cloud.speech_v2.services.speech.transports import SpeechGrpcTransport as TransportV2

from amira_gateway.access.identity import Scope
from tests.gateway.access.door import add_key
from tests.gateway.adapters.foreign import Foreign, serving_foreign
from tests.support.spoken import Spoken


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of keys with one key in it."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    add_key(path, "nobody")
    return path


@pytest.fixture(scope="package")
def foreign(spoken: Spoken, keys_file: Path) -> Iterator[Foreign]:
    """The gateway, with real speech recognition behind it."""
    with serving_foreign(spoken, keys_file) as running:
        yield running


@pytest.fixture(scope="package")
def key(foreign: Foreign) -> str:
    """A key that may recognize."""
    return add_key(foreign.keys_file, "acme", Scope.RECOGNIZE)


@pytest.fixture
def v1(foreign: Foreign) -> Iterator[speech_v1.SpeechClient]:
    """Google's client of its first version."""
    with grpc.insecure_channel(foreign.open) as channel:
        yield speech_v1.SpeechClient(transport=TransportV1(channel=channel))


@pytest.fixture
def v2(foreign: Foreign) -> Iterator[speech_v2.SpeechClient]:
    """Google's client of its second version."""
    with grpc.insecure_channel(foreign.open) as channel:
        yield speech_v2.SpeechClient(transport=TransportV2(channel=channel))
