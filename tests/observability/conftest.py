"""One whole stack with real Triton, and conversations with it whose every message is known."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
import yaml

from amira.asr.v1 import speech_pb2
from amira_core.metrics.schema import Decoder, Frontend, Gateway
from amira_core.rpc.call import DuplexCall
from amira_local.options import StackOptions
from tests.observability.rules import FOLDER, rules
from tests.stack.raw import (
    CLIP,
    END,
    FLUSH,
    Answer,
    Request,
    clip_pcm,
    config,
    mark,
    pieces,
    recognize,
    speech_stub,
    take_status,
    talk,
)
from tests.support.prometheus import PATIENCE_S, Prometheus
from tests.support.scrape import Growth, Scrape
from tests.support.stack import StackThread

MAX_STREAMS = 3
LIVE_S = 6.0
UNARY_S = 4.0
SERVICES = ("gateway", "frontend", "decoder", "triton")


@dataclass
class Said:
    """What the conversations were, as the clients know it."""

    answers: list[Answer] = field(default_factory=list)
    unary: Answer = field(default_factory=Answer)
    sent: int = 0
    """Messages of streams, from the clients."""
    received: int = 0
    """Messages of streams, to the clients, and what a unary call would have had as a stream."""
    bytes_sent: int = 0
    audio_s: float = 0.0
    growth: dict[str, Growth] = field(default_factory=dict)
    """Service -> by how much its metrics grew."""

    @property
    def finals(self) -> int:
        """Finals that came."""
        return sum(len(answer.finals) for answer in (*self.answers, self.unary))

    @property
    def interims(self) -> int:
        """Interims that came."""
        results = (r.result for answer in self.answers for r in answer.responses if r.HasField("result"))
        return sum(not result.is_final for result in results)

    @property
    def words(self) -> list[str]:
        """The words that were recognized."""
        return [word for answer in (*self.answers, self.unary) for word in answer.text.split()]

    def counted(self, requests: Iterable[Request]) -> Iterator[Request]:
        """Passes requests on and keeps count."""
        for request in requests:
            self.sent += 1
            self.bytes_sent += len(request.audio.content)
            yield request


@pytest.fixture(scope="package")
def stack() -> Iterator[StackThread]:
    """A running stack; nobody breaks it."""
    env = {"AMIRA_GATEWAY_MAX_STREAMS": str(MAX_STREAMS), "AMIRA_GATEWAY_RESUME_WINDOW_S": "20"}
    with StackThread(StackOptions(ephemeral_ports=True, env=env, log_level="debug")) as running:
        yield running


def scrape(stack: StackThread) -> dict[str, Scrape]:
    """Every service's metrics now."""
    return {service: Scrape.of(stack.stack.metrics[service]) for service in SERVICES}


@pytest.fixture(scope="package")
def said(stack: StackThread) -> Said:
    """Holds the conversations, one after the other, and nothing else happens meanwhile."""
    before = scrape(stack)
    said = asyncio.run(_talk(stack))
    after = scrape(stack)
    said.growth = {service: Growth(before[service], after[service]) for service in SERVICES}
    return said


@pytest.fixture(scope="package")
def prometheus(
    stack: StackThread, said: Said, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """With the configuration that is shipped, but for addresses and intervals."""
    folder = tmp_path_factory.mktemp("prometheus")
    for file in ("recording.yml", "alerts.yml"):
        shutil.copy(FOLDER / file, folder)
        text = (folder / file).read_text()
        (folder / file).write_text(text.replace("interval: 30s", "interval: 1s"))
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] |= {"scrape_interval": "3s", "scrape_timeout": "3s", "evaluation_interval": "1s"}
    metrics_port = next(
        service.ports[2] for wave in stack.stack._waves for service in wave if service.name == "triton"
    )
    addresses = {f"amira-{service}": stack.stack.metrics[service] for service in SERVICES}
    addresses["triton"] = f"127.0.0.1:{metrics_port}"
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [addresses[job["job_name"]]]}]
    with Prometheus(folder, yaml.safe_dump(config)) as server:
        until(lambda: [target["health"] for target in server.targets()] == ["up"] * len(addresses))
        until(lambda: all(rule["health"] == "ok" for rule in server.rules()))
        recorded = [rule["record"] for rule in rules(FOLDER / "recording.yml")]
        until(lambda: all(server.query(name) for name in recorded))
        yield server


def until(condition: Callable[[], object]) -> None:
    """Waits until something has come about."""
    ended_at = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ended_at
        time.sleep(0.2)


async def _all_streams_over(stack: StackThread) -> None:
    """The servers see the end of a call a moment after its client."""

    def are_over() -> bool:
        pages = scrape(stack)
        return not any(
            pages[service].value(metric)
            for service, metric in (
                ("gateway", Gateway.STREAMS_ACTIVE),
                ("frontend", Frontend.STREAMS_ACTIVE),
                ("decoder", Decoder.STREAMS_ACTIVE),
            )
        )

    await asyncio.to_thread(until, are_over)


async def _talk(stack: StackThread) -> Said:
    said = Said()
    async with speech_stub(stack.stack.gateway_target) as stub:
        said.answers.append(await _live(stub, said))
        said.answers.append(await _recording(stub, said))
        said.answers.append(await _resumed(stub, said))
        await _all_streams_over(stack)
        await _refused(stub, said)
        await _all_streams_over(stack)
        said.unary = await _unary(stub, said)
        await _all_streams_over(stack)
        await asyncio.sleep(0.3)  # and counts it as a call
    return said


async def _live(stub, said: Said) -> Answer:  # type: ignore[no-untyped-def]
    """At the speed of speech, with interims and a FLUSH in the middle."""
    requests = pieces(clip_pcm(LIVE_S))
    middle = len(requests) // 2
    script = [config(interim_results=True), *requests[:middle], FLUSH, *requests[middle:], END]
    call, answer = DuplexCall(stub.StreamingRecognize()), Answer()

    async def read() -> None:
        while (response := await call.read()) is not None:
            answer.responses.append(response)

    reading = asyncio.create_task(read())
    began_at, sent_s = time.monotonic(), 0.0
    for request in said.counted(script):
        await call.write(request)
        sent_s += len(request.audio.content) / 32_000
        await asyncio.sleep(max(0.0, began_at + sent_s - time.monotonic()))
    await call.done_writing()
    await asyncio.wait_for(reading, 120)
    said.received += len(answer.responses)
    said.audio_s += LIVE_S
    return answer


async def _recording(stub, said: Said) -> Answer:  # type: ignore[no-untyped-def]
    """A FLAC file, as fast as it can be sent."""
    answer = await talk(stub, said.counted([config("FLAC", 0), *pieces(CLIP.read_bytes(), 20_000)]))
    said.received += len(answer.responses)
    said.audio_s += answer.finals[-1].audio_processed.ToNanoseconds() / 1e9
    return answer


async def _resumed(stub, said: Said) -> Answer:  # type: ignore[no-untyped-def]
    """A client that loses its call in the middle and goes on in another one."""
    requests = pieces(clip_pcm(4.0))
    middle = len(requests) // 2
    first = config(interim_results=False)
    first.resumable = True
    call, answer = DuplexCall(stub.StreamingRecognize()), Answer()
    for request in said.counted([first, *requests[:middle], FLUSH, mark("half")]):
        await call.write(request)
    opening = await call.read()
    assert opening is not None
    said.received += 1
    await _until_marked(call, said)  # after it nothing comes any more: all that was sent is decoded
    call.cancel()
    await asyncio.sleep(0.5)
    resume = Request(resume=speech_pb2.Resume(token=opening.session.resume_token, last_sequence=0))
    answer = await talk(stub, [resume, *said.counted(requests[middle:])])
    said.received += len(answer.responses)
    said.audio_s += 4.0
    lost = await talk(stub, [Request(resume=speech_pb2.Resume(last_sequence=0))])
    assert lost.reason == "SESSION_LOST"
    return answer


async def _until_marked(call: DuplexCall[Any, Any], said: Said) -> None:
    while True:
        response = await call.read()
        assert response is not None
        said.received += 1
        if response.HasField("mark"):
            return


async def _refused(stub, said: Said) -> None:  # type: ignore[no-untyped-def]
    """A config that cannot be, and one stream more than there are places."""
    answer = await talk(stub, said.counted([config(rate_hz=1)]))
    assert answer.reason == "BAD_SAMPLE_RATE"
    calls = [DuplexCall(stub.StreamingRecognize()) for _ in range(MAX_STREAMS)]
    for call in calls:
        for request in said.counted([config(), mark("here")]):
            await call.write(request)
        await _until_marked(call, said)  # it has come through all services
    refused = DuplexCall(stub.StreamingRecognize())
    try:
        await refused.read()
    except grpc.aio.AioRpcError as failure:
        full = Answer()
        take_status(full, failure)
        assert full.reason == "NO_CAPACITY"
    for call in calls:
        call.cancel()


async def _unary(stub, said: Said) -> Answer:  # type: ignore[no-untyped-def]
    content = clip_pcm(UNARY_S)
    request = speech_pb2.RecognizeRequest(config=config().config, audio=content)
    answer = await recognize(stub, request)
    assert answer.code is grpc.StatusCode.OK, answer.message
    said.bytes_sent += len(content)
    said.audio_s += UNARY_S
    return answer
