"""Gateways for clients of other vendors' gRPC services, and the audio that these send."""

from __future__ import annotations

import io
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import soundfile
import soxr

from amira.asr.v1 import config_pb2, speech_pb2, speech_pb2_grpc
from amira_gateway.server import SpeechServicer
from tests.support import spoken as spoken_audio
from tests.support.certificates import Authority
from tests.support.spoken import Spoken

RATE_HZ = 16_000
CLIP_S = 6.0


def clip(seconds: float = CLIP_S) -> bytes:
    """Real speech: the beginning of the demo, as LINEAR16."""
    return spoken_audio.clip(seconds).tobytes()


def silence(seconds: float) -> bytes:
    """No speech, as LINEAR16."""
    return bytes(2 * int(seconds * RATE_HZ))


def telephone(sound: bytes) -> bytes:
    """LINEAR16 as mu-law at 8 kHz."""
    low = soxr.resample(np.frombuffer(sound, np.int16), RATE_HZ, 8_000)
    file = io.BytesIO()
    soundfile.write(file, low, 8_000, format="RAW", subtype="ULAW")
    return file.getvalue()


def write_opus(path: Path, sound: bytes) -> Path:
    """Mono LINEAR16 as Opus in Ogg pages."""
    soundfile.write(path, np.frombuffer(sound, np.int16), RATE_HZ, format="OGG", subtype="OPUS")
    return path


def beside_noise(sound: bytes) -> bytes:
    """LINEAR16 as the first of two channels; the other one hisses."""
    first = np.frombuffer(sound, np.int16)
    hiss = np.random.default_rng(1).integers(-3_000, 3_000, len(first), np.int16)
    return np.column_stack([first, hiss]).tobytes()


def write_wav(path: Path, sound: bytes) -> Path:
    """Mono LINEAR16 as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(sound)
    return path


def write_flac(path: Path, sound: bytes) -> Path:
    """Mono LINEAR16 as a FLAC file."""
    soundfile.write(path, np.frombuffer(sound, np.int16), RATE_HZ)
    return path


@dataclass
class Foreign:
    """Two gateways.

    Attributes:
        open: anybody may call.
        keyed: over TLS, with a key of `keys_file`.
        ca: what callers of `keyed` trust.
        servicer: what `open` serves.
    """

    open: str
    keyed: str
    keys_file: Path
    ca: Path
    servicer: SpeechServicer

    def words(self, sound: bytes) -> list[str]:
        """What Amira's own API hears in LINEAR16: one text per segment."""
        config = config_pb2.RecognitionConfig(
            encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=RATE_HZ
        )
        with grpc.insecure_channel(self.open) as channel:
            answer = speech_pb2_grpc.SpeechStub(channel).Recognize(
                speech_pb2.RecognizeRequest(config=config, audio=sound)
            )
        return [result.alternatives[0].text for result in answer.results]

    def freed(self) -> None:
        """Waits until no stream is held any more; TimeoutError after 90 s."""
        ended_at = time.monotonic() + 90
        while len(self.servicer.admission):
            if time.monotonic() > ended_at:
                raise TimeoutError("a stream is still held")
            time.sleep(0.01)


@contextmanager
def serving_foreign(spoken: Spoken, keys_file: Path) -> Iterator[Foreign]:
    """Both in front of the same services."""
    authority = Authority(keys_file.parent)
    pair = authority.issue("gateway")
    with (
        spoken.gateway(first_message_timeout_s=3) as gateway,
        spoken.gateway(api_keys_file=str(keys_file), tls_cert=str(pair.cert), tls_key=str(pair.key)) as keyed,
    ):
        yield Foreign(
            f"127.0.0.1:{gateway.grpc_port}",
            f"127.0.0.1:{keyed.grpc_port}",
            keys_file,
            authority.ca,
            gateway.speech,
        )
