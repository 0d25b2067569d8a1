"""Each service exports what the schema declares, and the figures are what the conversations were."""

from __future__ import annotations

import time

import pytest

from amira_core.metrics.metric import Kind, Metric
from amira_core.metrics.schema import SCHEMA, Common, Decoder, Frontend, Gateway, Triton
from tests.observability.conftest import MAX_STREAMS, SERVICES, UNARY_S, Said, scrape
from tests.support.scrape import Scrape
from tests.support.stack import StackThread

STREAMS = 4 + MAX_STREAMS
"""Live, recording, resumed, unary, and those that fill the gateway."""


@pytest.fixture(scope="package")
def pages(stack: StackThread, said: Said) -> dict[str, Scrape]:
    """Service -> its metrics after the conversations."""
    return scrape(stack)


@pytest.mark.parametrize("service", SERVICES)
def test_all_that_is_declared_is_exported_and_nothing_else(pages: dict[str, Scrape], service: str) -> None:
    page, declared = pages[service], {metric.name: metric for metric in SCHEMA[service]}
    assert set(page.families) == set(declared) - {Gateway.TENANT_AUDIO.name} | (
        {Gateway.TENANT_AUDIO.name} if service == "gateway" else set()
    )
    for name, metric in declared.items():
        check_family(page, metric, name)


def check_family(page: Scrape, metric: Metric, name: str) -> None:
    """Type, unit, labels, known values and buckets are as declared."""
    family = page.families[name]
    assert (family.type, family.unit) == (metric.kind.value, metric.unit), name
    assert family.samples or metric.optional, name
    for sample in family.samples:
        assert set(sample.labels) - {"le"} == set(metric.labels), name
    for label, values in metric.values.items():
        assert {sample.labels[label] for sample in family.samples} >= set(values), name
    if metric.kind is Kind.HISTOGRAM:
        bounds = {float(s.labels["le"]) for s in family.samples if s.name.endswith("_bucket")}
        assert bounds == {*metric.buckets, float("inf")}, name


def test_streams(said: Said) -> None:
    gateway = said.growth["gateway"]
    assert gateway.value(Gateway.STREAMS_ADMITTED) == STREAMS
    assert gateway.value(Gateway.STREAMS_ENDED, status="OK") == 4
    assert gateway.value(Gateway.STREAMS_ENDED, status="CANCELLED") == MAX_STREAMS
    assert gateway.value(Gateway.STREAMS_ENDED) == STREAMS
    assert gateway.count(Gateway.STREAM_DURATION) == STREAMS
    assert gateway.value(Gateway.STREAMS_REFUSED, reason="BAD_SAMPLE_RATE") == 1
    assert gateway.value(Gateway.STREAMS_REFUSED, reason="NO_CAPACITY") == 1
    assert gateway.value(Gateway.STREAMS_REFUSED) == 2
    assert gateway.value(Gateway.RESUMES, outcome="resumed") == 1
    assert gateway.value(Gateway.RESUMES, outcome="lost") == 1
    assert gateway.value(Gateway.STREAMS_ACTIVE) == gateway.value(Gateway.SESSIONS_DETACHED) == 0
    # The gateway asks for a decoder's slot before a frontend's place, so each has each stream once.
    decoder, frontend = said.growth["decoder"], said.growth["frontend"]
    assert decoder.value(Decoder.STREAMS, origin="new") == decoder.value(Decoder.STREAMS) == STREAMS
    assert frontend.value(Frontend.STREAMS, encoding="FLAC") == 1
    assert frontend.value(Frontend.STREAMS, encoding="LINEAR16") == STREAMS - 1


def test_messages_and_results(said: Said) -> None:
    gateway, decoder = said.growth["gateway"], said.growth["decoder"]
    unary_pieces = round(UNARY_S / 0.2)
    assert gateway.value(Gateway.MESSAGES, direction="received") == said.sent + 1 + unary_pieces
    per_segment = 3  # speech start, speech end, final
    unary_responses = 1 + per_segment * len(said.unary.finals)
    assert gateway.value(Gateway.MESSAGES, direction="sent") == said.received + unary_responses
    assert said.finals > 0
    assert said.interims > 0
    assert gateway.value(Gateway.RESULTS, kind="final") == said.finals
    assert gateway.value(Gateway.RESULTS, kind="interim") == said.interims
    assert gateway.value(Gateway.WORDS) == len(said.words) > 0
    assert gateway.value(Gateway.CLIENT_STALLS) == 0
    assert decoder.value(Decoder.RESULTS, kind="final") == said.finals
    dropped = gateway.value(Gateway.INTERIMS_DROPPED)
    assert decoder.value(Decoder.RESULTS, kind="interim") == said.interims + dropped
    assert decoder.value(Decoder.WORDS) == len(said.words)


def test_latency_and_lag(said: Said) -> None:
    gateway = said.growth["gateway"]
    live = said.answers[0]
    results = [response for response in live.responses if response.HasField("result")]
    assert gateway.count(Gateway.RESULT_LATENCY) == said.finals + said.interims
    assert gateway.count(Gateway.RESULT_LATENCY, pace="live") >= len(results)
    assert gateway.count(Gateway.RESULT_LATENCY, pace="ahead") >= len(said.answers[1].finals) - 1
    told_s = sum(r.lag.server_latency.ToNanoseconds() / 1e9 for r in results)
    assert gateway.value(Gateway.RESULT_LATENCY, "_sum", pace="live") >= told_s - 0.001
    assert gateway.count(Gateway.LAG) <= gateway.value(Gateway.MESSAGES, direction="sent")


def test_audio(said: Said) -> None:
    gateway, frontend, decoder = (said.growth[name] for name in ("gateway", "frontend", "decoder"))
    assert gateway.value(Gateway.AUDIO) == pytest.approx(said.audio_s, abs=0.02)
    assert frontend.value(Frontend.RECEIVED) == said.bytes_sent
    assert frontend.value(Frontend.AUDIO) == pytest.approx(said.audio_s, abs=0.05)
    assert frontend.value(Frontend.AUDIO, encoding="FLAC") == pytest.approx(said.audio_s - 14.0, abs=0.02)
    assert 0 < frontend.value(Frontend.WORK) < said.audio_s
    assert decoder.value(Decoder.AUDIO) == pytest.approx(frontend.value(Frontend.AUDIO), abs=0.001)


def test_every_chunk_is_in_every_figure(said: Said) -> None:
    decoder = said.growth["decoder"]
    chunks = decoder.value(Decoder.CHUNKS, kind="searched")
    assert chunks == decoder.value(Decoder.CHUNKS)
    assert said.audio_s / 0.32 <= chunks <= said.audio_s / 0.32 + 4 * (STREAMS + 1)
    assert decoder.value(Decoder.BATCH, "_sum") == decoder.count(Decoder.CHUNK) == chunks
    for stage in ("wait", "encoder", "queue", "search"):
        assert decoder.count(Decoder.STAGE, stage=stage) == chunks
    assert decoder.value(Decoder.STAGE, "_sum") == pytest.approx(
        decoder.value(Decoder.CHUNK, "_sum"), abs=1e-4
    )
    assert decoder.count(Decoder.TICK) == decoder.count(Decoder.BATCH) <= chunks
    assert decoder.value(Decoder.BUSY, stage="encoder") == decoder.value(Decoder.TICK, "_sum")
    assert decoder.value(Decoder.BUSY, stage="search") > 0


def test_segments(said: Said) -> None:
    decoder = said.growth["decoder"]
    assert (
        decoder.value(Decoder.SEGMENTS, ended_by="flush") == 2
    )  # of the live stream, and before a call is lost
    # Where silence has just closed a segment, the end of the audio finds none open.
    assert 1 <= decoder.value(Decoder.SEGMENTS, ended_by="end") <= 4
    assert decoder.value(Decoder.SEGMENTS) >= said.finals


def test_what_is_there(pages: dict[str, Scrape], stack: StackThread) -> None:
    gateway, frontend, decoder, triton = (pages[name] for name in SERVICES)
    assert gateway.value(Gateway.STREAMS_LIMIT) == MAX_STREAMS
    assert frontend.value(Frontend.STREAMS_LIMIT) == 256
    assert decoder.value(Decoder.SLOTS) == 64
    assert decoder.value(Decoder.SLOTS_USED) == decoder.value(Decoder.SLOTS_ORPHANED) == 0
    assert decoder.value(Decoder.ENCODER_AVAILABLE) == 1
    assert decoder.value(Decoder.DEGRADED) == 0
    assert triton.value(Triton.UP) == triton.value(Triton.STARTS) == 1
    assert triton.value(Triton.SERVER_MEMORY) > 50e6
    assert triton.count(Triton.CANARY) > 0
    for service in ("frontend", "decoder"):
        there = {"service": service, "replica": stack.stack.targets[service]}
        assert gateway.value(Gateway.REPLICAS, service=service) == 1
        assert gateway.value(Gateway.BREAKER, state="closed", **there) == 1
        assert gateway.value(Gateway.BREAKER, **there) == 1
        assert gateway.value(Gateway.BREAKER_OPENED, **there) == 0


@pytest.mark.parametrize("service", SERVICES)
def test_the_process(pages: dict[str, Scrape], service: str) -> None:
    page = pages[service]
    assert page.value(Common.BUILD, service=service) == 1
    assert page.value(Common.READY) == 1
    assert page.value(Common.RESIDENT_MEMORY) > 20e6
    assert 3 <= page.value(Common.OPEN_DESCRIPTORS) < page.value(Common.DESCRIPTOR_LIMIT)
    assert page.value(Common.CPU) > 0.1
    assert page.value(Common.THREADS) >= 1
    assert page.value(Common.TASKS) >= 1
    assert 0 <= time.time() - page.value(Common.START_TIME) < 600
    assert page.count(Common.LOOP_LAG) > 10
    assert page.value(Common.GC_COLLECTIONS) > 0
    assert page.value(Common.LOG_LINES, level="info") > 0


def test_log_lines_are_those_that_were_written(stack: StackThread, said: Said) -> None:
    for _ in range(20):  # a line may be on its way
        counted = Scrape.of(stack.stack.metrics["gateway"]).value(Common.LOG_LINES)
        written = sum(service == "gateway" for service, _ in list(stack.lines))
        if counted == written:
            return
        time.sleep(0.05)
    assert counted == written


def test_the_old_format_is_there_too(stack: StackThread) -> None:
    plain = Scrape.of(stack.stack.metrics["gateway"], accept="text/plain")
    assert plain.content_type.startswith("text/plain; version=0.0.4")
    assert "# EOF" not in plain.text


def test_no_word_is_in_any_label(pages: dict[str, Scrape], said: Said) -> None:
    rare = {word for word in said.words if len(word) > 5}
    assert rare
    for page in pages.values():
        for sample in page.samples():
            assert not rare & {value.lower() for value in sample.labels.values()}
