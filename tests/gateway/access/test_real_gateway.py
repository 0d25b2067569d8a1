"""The gateway's own service behind the door, in front of scripted services, every hop with TLS or without."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from amira.asr.v1 import config_pb2, speech_pb2, speech_pb2_grpc
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.server import RpcServer
from amira_core.security import transport
from amira_core.security.transport import Transport, configure_transport
from amira_core.settings import ServiceSettings
from amira_gateway.access import AccessInterceptor, AccessSettings
from amira_gateway.server import SpeechServicer
from amira_gateway.settings import GatewaySettings
from tests.gateway.access.door import Metadata, add_key, bearer, outcome
from tests.gateway.scripted import Stack, running
from tests.support.certificates import Authority

CONFIG = config_pb2.RecognitionConfig(
    encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000, interim_results=True
)
SECOND = bytes(32_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def _plain_again() -> Iterator[None]:
    """What a test configures is this process's own: the next must not find it."""
    yield
    transport._current = Transport()


@asynccontextmanager
async def guarded(
    path: Path, credentials: grpc.ChannelCredentials | None = None
) -> AsyncIterator[tuple[Stack, Any]]:
    """A gateway behind the door, and a stub for it."""
    async with running() as stack:
        access = AccessInterceptor.of(AccessSettings(api_keys_file=str(path)))
        server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech", interceptors=[access])
        servicer = SpeechServicer(stack.services, GatewaySettings())
        speech_pb2_grpc.add_SpeechServicer_to_server(servicer, server.grpc)
        target = f"127.0.0.1:{await server.start()}"
        channel = (
            grpc.aio.insecure_channel(target)
            if credentials is None
            else grpc.aio.secure_channel(target, credentials)
        )
        async with channel:
            yield stack, speech_pb2_grpc.SpeechStub(channel)
        await server.stop(0)
        await servicer.close()


def recording() -> speech_pb2.RecognizeRequest:
    quiet = config_pb2.RecognitionConfig()
    quiet.CopyFrom(CONFIG)
    return speech_pb2.RecognizeRequest(config=quiet, audio=SECOND)


async def begin(
    stub: Any, metadata: Metadata
) -> tuple[DuplexCall[Any, Any], speech_pb2.StreamingRecognizeResponse]:
    """A stream that has begun, and its first response."""
    call: DuplexCall[Any, Any] = DuplexCall(stub.StreamingRecognize(metadata=metadata))
    await call.write(speech_pb2.StreamingRecognizeRequest(config=CONFIG, resumable=True))
    first = await call.read()
    assert first.HasField("session")
    return call, first


async def finals(call: DuplexCall[Any, Any]) -> int:
    """Sends a second of audio and the end; counts the finals."""
    await call.write(speech_pb2.StreamingRecognizeRequest(audio=speech_pb2.AudioChunk(content=SECOND)))
    await call.done_writing()
    count = 0
    while (response := await call.read()) is not None:
        count += response.HasField("result") and response.result.is_final
    return count


async def test_streams_and_recordings_with_a_key(path: Path) -> None:
    metadata = bearer(add_key(path))
    async with guarded(path) as (_, stub):
        call, _ = await begin(stub, metadata)
        assert await finals(call) == 1
        answer = await stub.Recognize(recording(), metadata=metadata)
        assert len(answer.results) == 1
        capabilities = await stub.GetCapabilities(speech_pb2.GetCapabilitiesRequest(), metadata=metadata)
        assert capabilities.models[0].name == "counter"


async def test_without_a_key_no_service_behind_hears_of_the_call(path: Path) -> None:
    key = add_key(path)
    async with guarded(path) as (stack, stub):
        for metadata in ([], bearer(key + "x")):
            status, reason, _, _ = await outcome(stub.Recognize(recording(), metadata=metadata))
            assert (status, reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await begin(stub, metadata)
            assert failure.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert stack.frontend.calls == []
        assert stack.decoder.calls == []


async def test_a_session_goes_on_for_its_own_tenant_alone(path: Path) -> None:
    own, others = bearer(add_key(path, "acme")), bearer(add_key(path, "other"))
    again = bearer(add_key(path, "acme"))
    async with guarded(path) as (_, stub):
        call, first = await begin(stub, own)
        token = first.session.resume_token
        assert token
        call.cancel()
        resume = speech_pb2.StreamingRecognizeRequest(resume=speech_pb2.Resume(token=token))
        stolen: DuplexCall[Any, Any] = DuplexCall(stub.StreamingRecognize(metadata=others))
        await stolen.write(resume)
        assert (await outcome(stolen.read()))[1] == "SESSION_LOST"
        back: DuplexCall[Any, Any] = DuplexCall(stub.StreamingRecognize(metadata=again))
        await back.write(resume)
        assert (await back.read()).session.session_id == first.session.session_id
        assert await finals(back) == 1


@pytest.mark.usefixtures("_plain_again")
async def test_every_hop_with_client_certificates(path: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("amira.internal", host="amira.internal")
    configure_transport(
        ServiceSettings(
            tls_cert=str(pair.cert),
            tls_key=str(pair.key),
            tls_client_ca=str(authority.ca),
            tls_ca=str(authority.ca),
            tls_client_cert=str(pair.cert),
            tls_client_key=str(pair.key),
            tls_server_name="amira.internal",
        )
    )
    metadata = bearer(add_key(path))
    own = grpc.ssl_channel_credentials(
        authority.ca.read_bytes(), pair.key.read_bytes(), pair.cert.read_bytes()
    )
    async with guarded(path, own) as (stack, stub):
        call, _ = await begin(stub, metadata)
        assert await finals(call) == 1
        assert len(stack.frontend.calls) == len(stack.decoder.calls) == 1
        for port in (stack.frontend_port, stack.decoder_port, stack.port):
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as plain:
                method = plain.unary_unary("/grpc.health.v1.Health/Check")
                assert (await outcome(method(b"", timeout=60)))[0] == "UNAVAILABLE"
