"""Google's own client package: keys, as it sends them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import speech_v2
from google.cloud.speech_v2.services.speech.transports import SpeechGrpcTransport as TransportV2

from tests.gateway.adapters.foreign import (
    Foreign,
    silence,
    write_wav,
)
from tests.gateway.adapters.google_clients import (
    RECOGNIZER,
    config_v2,
)

WITH_A_KEY = f"""
import sys
from google.cloud import speech_v2
client = speech_v2.SpeechClient(client_options={{"api_endpoint": sys.argv[1], "api_key": sys.argv[2]}})
config = speech_v2.RecognitionConfig(auto_decoding_config={{}}, language_codes=["en-US"], model="long")
print(client.recognize(recognizer="{RECOGNIZER}", config=config, content=sys.stdin.buffer.read()).results)
first = speech_v2.StreamingRecognizeRequest(recognizer="{RECOGNIZER}", streaming_config={{"config": config}})
print(list(client.streaming_recognize(iter([first]))))
try:
    client.batch_recognize(recognizer="{RECOGNIZER}")
except Exception as error:
    print(type(error).__name__)
"""


def test_keys_and_an_endpoint_as_options(foreign: Foreign, key: str, tmp_path: Path) -> None:
    """In a process of its own: grpc reads its roots but once."""

    def run(key: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-c", WITH_A_KEY, foreign.keyed.replace("127.0.0.1", "localhost"), key],
            input=write_wav(tmp_path / "a.wav", silence(0.5)).read_bytes(),
            env={**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(foreign.ca)},
            capture_output=True,
            check=False,
            timeout=120,
        )

    good = run(key)
    assert good.stdout.decode().split() == ["[]", "[]", "MethodNotImplemented"], good.stderr.decode()[-2000:]
    assert b"Unauthenticated: 401" in run("wrong").stderr


def test_keys_as_metadata(foreign: Foreign, key: str) -> None:
    request = speech_v2.RecognizeRequest(recognizer=RECOGNIZER, config=config_v2(), content=silence(0.5))
    credentials = grpc.ssl_channel_credentials(foreign.ca.read_bytes())
    with grpc.secure_channel(foreign.keyed, credentials) as channel:
        client = speech_v2.SpeechClient(transport=TransportV2(channel=channel))
        with pytest.raises(exceptions.Unauthenticated):
            client.recognize(request)
        assert not client.recognize(request, metadata=[("authorization", f"Bearer {key}")]).results
        assert not client.recognize(request, metadata=[("x-api-key", key)]).results
