"""A server behind the gateway's door, and callers with any key or token."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from amira.asr.v1 import config_pb2, speech_pb2, speech_pb2_grpc
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_gateway.access import AccessInterceptor, AccessSettings, take_place
from amira_gateway.access.api_keys import make_key
from amira_gateway.access.identity import Limits, Scope
from amira_gateway.access.key_file import KeyFile, KeyRecord, changing
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, count_bytes

ISSUER, AUDIENCE = "https://issuer.example", "amira"
BYTES_PER_S = 32_000
SECRET_WORDS = "nobody may log this"  # noqa: S105 - words that are said, not a password

Metadata = Sequence[tuple[str, str]]


def bearer(secret: str) -> Metadata:
    return [("authorization", f"Bearer {secret}")]


def add_key(path: Path, tenant: str = "acme", *scopes: Scope, **more: Any) -> str:
    """Adds a key to the file; returns the key."""
    key, record = make_key(tenant, frozenset(scopes or {Scope.RECOGNIZE}), **more)
    with changing(path) as box:
        box[0] = box[0].model_copy(update={"keys": (*box[0].keys, record)})
    return key


def change_key(path: Path, key: str, **update: Any) -> None:
    def changed(record: KeyRecord) -> KeyRecord:
        return record.model_copy(update=update) if record.id in key else record

    with changing(path) as box:
        box[0] = KeyFile(tenants=box[0].tenants, keys=tuple(map(changed, box[0].keys)))


def limit_tenant(path: Path, tenant: str, **limits: Any) -> None:
    with changing(path) as box:
        box[0] = KeyFile(tenants={**box[0].tenants, tenant: Limits(**limits)}, keys=box[0].keys)


@dataclass
class Issuer:
    """Signs tokens; its public keys lie in a JWKS file."""

    path: Path
    rsa_key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    ec_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        self.publish()

    def publish(self) -> None:
        keys = {"rsa": self.rsa_key, "ec": self.ec_key}
        self.path.write_text(json.dumps({"keys": [public_jwk(key, kid) for kid, key in keys.items()]}))

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a good token; None leaves one out."""
        now = int(time.time())
        good = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "robot-7",
            "exp": now + 600,
            "nbf": now - 5,
            "tenant": "acme",
            "scope": "recognize other:thing",
        }
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def token(self, algorithm: str = "RS256", kid: str | None = None, **changes: Any) -> str:
        key: Any = self.rsa_key if algorithm == "RS256" else self.ec_key
        kid = kid or {"RS256": "rsa", "ES256": "ec"}[algorithm]
        return jwt.encode(self.claims(**changes), key, algorithm, headers={"kid": kid})


def public_jwk(key: Any, kid: str) -> dict[str, Any]:
    algorithm: Any = (
        jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    )
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


def raw_token(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
    """A token as no library would make it."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def listening(server: ScriptedSpeech, requests: Requests) -> Responses:
    """Counts audio as the gateway's sessions do, and answers with what must not be logged."""
    place = take_place("session-1")
    total_s = 0.0

    async def counted() -> Requests:
        nonlocal total_s
        async for request in requests:
            total_s += len(request.audio.content) / BYTES_PER_S
            place.heard(total_s)
            yield request
        await asyncio.sleep(0.05)  # a cancelled call looks half-closed at first

    try:
        async for response in count_bytes(server, counted()):
            if response.HasField("result"):
                response.result.alternatives[0].text = SECRET_WORDS
            yield response
    finally:
        place.close()


class Speech(ScriptedSpeech):
    """Its unary calls take a place as well, as the gateway's do."""

    async def Recognize(self, request: speech_pb2.RecognizeRequest, context: Any) -> Any:  # noqa: N802
        place = take_place("session-2")
        try:
            return await super().Recognize(request, context)
        finally:
            place.close()


@asynccontextmanager
async def door(transport: Any = None, **settings: Any) -> AsyncIterator[ScriptedSpeech]:
    """A server that lets in whom `settings` (AccessSettings) let in."""
    given = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    if "jwks_file" in given:
        given = {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, **given}
    access = AccessInterceptor.of(AccessSettings(**given))
    async with Speech(listening, interceptors=[access], transport=transport) as server:
        yield server


class Caller:
    """Calls with some metadata; ``async with``."""

    def __init__(
        self,
        server: ScriptedSpeech,
        metadata: Metadata = (),
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self.metadata = list(metadata)
        options = [*CHANNEL_OPTIONS, ("grpc.max_send_message_length", -1)]
        self.channel = (
            grpc.aio.insecure_channel(server.target, options=options)
            if credentials is None
            else grpc.aio.secure_channel(server.target, credentials, options=options)
        )
        self._stub = speech_pb2_grpc.SpeechStub(self.channel)

    async def __aenter__(self) -> Caller:
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.channel.close()

    def stream(self) -> Any:
        return self._stub.StreamingRecognize(metadata=self.metadata)

    async def recognize(self, audio: bytes = b"1234") -> Any:
        request = speech_pb2.RecognizeRequest(config=config_pb2.RecognitionConfig(), audio=audio)
        return await self._stub.Recognize(request, metadata=self.metadata, timeout=90)

    async def describe(self) -> Any:
        return await self._stub.GetCapabilities(
            speech_pb2.GetCapabilitiesRequest(), metadata=self.metadata, timeout=90
        )

    async def stream_seconds(self, *seconds: float) -> int:
        """Streams audio in messages of so many seconds; how many responses came."""
        end = speech_pb2.StreamControl(end_of_audio=speech_pb2.EndOfAudio())
        messages = [
            speech_pb2.StreamingRecognizeRequest(config=config_pb2.RecognitionConfig()),
            *(
                speech_pb2.StreamingRecognizeRequest(
                    audio=speech_pb2.AudioChunk(content=bytes(int(length * BYTES_PER_S)))
                )
                for length in seconds
            ),
            speech_pb2.StreamingRecognizeRequest(control=end),
        ]
        call: DuplexCall[Any, Any] = DuplexCall(
            self._stub.StreamingRecognize(metadata=self.metadata, timeout=90)
        )
        for message in messages:
            if not await call.write(message):
                break
        else:
            await call.done_writing()
        responses = 0
        while await call.read() is not None:
            responses += 1
        return responses


async def outcome(attempt: Any) -> tuple[str, str, str, int | None]:
    """Status, reason, message and retry delay (ms) of a call that must fail."""
    try:
        await attempt
    except grpc.aio.AioRpcError as failure:
        reason, retry_ms = "", None
        status = rpc_status.from_call(failure)  # type: ignore[arg-type]
        for detail in status.details if status else ():
            info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
            if detail.Unpack(info):
                reason = info.reason
            elif detail.Unpack(retry):
                retry_ms = retry.retry_delay.ToMilliseconds()
        return failure.code().name, reason, failure.details() or "", retry_ms
    raise AssertionError("the call was let in")
