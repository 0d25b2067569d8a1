"""Clients that do too much, too little or the wrong thing at the wrong time: the others do not notice."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import grpc
import jiwer
import numpy as np
import pytest
import soundfile
import soxr
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core.rpc.call import DuplexCall
from tests.stack import raw
from tests.stack.processes import Holdings, holdings, slots_used
from tests.stack.raw import FLUSH, KEEP_ALIVE, Answer, Request, audio, config, control, mark, pieces, talk
from tests.support.geometry import chunk_ms, geometry_of
from tests.support.stack import StackThread

SLOTS = 64
Call = DuplexCall[speech_pb2.StreamingRecognizeRequest, speech_pb2.StreamingRecognizeResponse]


@asynccontextmanager
async def opened(target: str, count: int, first: Request | None) -> AsyncIterator[list[Call]]:
    """`count` calls that have sent `first`; cancelled at the end."""
    async with raw.speech_stub(target) as stub:
        calls: list[Call] = [DuplexCall(stub.StreamingRecognize()) for _ in range(count)]
        try:
            if first is not None:
                await asyncio.gather(*(call.write(first) for call in calls))
            yield calls
        finally:
            for call in calls:
                call.cancel()


async def admission(call: Call) -> Answer:
    """The first response, or the refusal."""
    answer = Answer()
    try:
        response = await asyncio.wait_for(call.read(), raw.PATIENCE_S)
        assert response is not None
        answer.responses.append(response)
    except grpc.aio.AioRpcError as failure:
        raw.take_status(answer, failure)
    return answer


async def rest_of(call: Call, requests: list[Request]) -> Answer:
    """Goes on with a call that was admitted."""
    answer = Answer()

    async def send() -> None:
        for request in requests:
            await call.write(request)
        await call.done_writing()

    sending = asyncio.create_task(send())
    while (response := await call.read()) is not None:
        answer.responses.append(response)
    await sending
    return answer


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for `condition`; TimeoutError when it does not come true."""
    async with asyncio.timeout(raw.PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - asked in another process
            await asyncio.sleep(0.05)


async def all_slots_free(running: StackThread) -> None:
    async def free() -> bool:
        return await slots_used(running) == 0

    await until(free)


async def test_200_connects_at_once_64_are_served_and_the_rest_told_when_to_retry(
    running: StackThread,
) -> None:
    target = running.stack.gateway_target
    requests = pieces(raw.clip_pcm(2))
    await all_slots_free(running)
    async with raw.speech_stub(target) as stub:
        alone = await talk(stub, [config(), *requests])
    async with opened(target, 200, config()) as calls:
        answers = await asyncio.gather(*(admission(call) for call in calls))
        admitted = [call for call, answer in zip(calls, answers, strict=True) if answer.outcome == "OK"]
        refused = [answer for answer in answers if answer.outcome != "OK"]
        assert len(admitted) == SLOTS
        assert {answer.outcome for answer in refused} == {"RESOURCE_EXHAUSTED NO_CAPACITY"}
        assert all(answer.retry_after_s for answer in refused)
        heard = await asyncio.gather(*(rest_of(call, requests) for call in admitted))
    assert alone.text
    assert {answer.text for answer in heard} == {alone.text}


async def test_300_streams_cancelled_at_any_moment_leave_all_slots_free(running: StackThread) -> None:
    target, rng = running.stack.gateway_target, random.Random(11)
    requests = [config(interim_results=True), *pieces(raw.clip_pcm(4), 16_000), FLUSH, mark("m")]

    async def open_and_cancel(call: Call) -> None:
        await asyncio.sleep(rng.uniform(0, 2))
        for request in requests[: rng.randrange(len(requests) + 1)]:
            if not await call.write(request):
                break
        if rng.random() < 0.3:
            await call.done_writing()
        await asyncio.sleep(rng.choice([0, 0, rng.uniform(0, 0.3)]))
        call.cancel()

    async with opened(target, 300, None) as calls:
        await asyncio.gather(*(open_and_cancel(call) for call in calls))
    await all_slots_free(running)
    async with opened(target, SLOTS, config()) as calls:
        answers = await asyncio.gather(*(admission(call) for call in calls))
    assert {answer.outcome for answer in answers} == {"OK"}
    await all_slots_free(running)


async def test_clients_that_send_nothing_or_nothing_more_hold_up_nobody(
    running: StackThread, undisturbed: Answer
) -> None:
    target = running.stack.gateway_target
    await all_slots_free(running)
    async with opened(target, 40, None), opened(target, 40, config()) as calls:
        assert {(await admission(call)).outcome for call in calls} == {"OK"}
        async with raw.bystander(target, undisturbed):
            pass
    await all_slots_free(running)


async def test_a_client_that_never_reads_holds_up_nobody(running: StackThread, undisturbed: Answer) -> None:
    target = running.stack.gateway_target
    async with opened(target, 1, config(interim_results=True)) as [call]:

        async def flood() -> None:
            while await call.write(mark("m" * 128)):
                await call.write(audio(bytes(640)))

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(0.5)
        async with raw.bystander(target, undisturbed):
            pass
        flooding.cancel()
    await all_slots_free(running)


@pytest.mark.parametrize("kind", ["marks", "hotwords"])
async def test_controls_without_audio_are_refused_before_they_fill_the_memory(
    running: StackThread, undisturbed: Answer, kind: str
) -> None:
    target = running.stack.gateway_target
    flood = mark("m" * 128) if kind == "marks" else update_hotwords("sensibility", 2.0)
    requests = [config(), audio(bytes(16_000)), *[flood] * 20_000]
    async with raw.speech_stub(target) as stub, raw.bystander(target, undisturbed):
        answer = await talk(stub, requests)
    assert answer.outcome == "FAILED_PRECONDITION PROTOCOL"
    assert "audio" in answer.message


async def test_one_byte_messages_have_the_words_of_one_message(running: StackThread) -> None:
    content = flac_of(raw.clip_pcm(1.2))
    assert len(content) > 10_000
    async with raw.speech_stub(running.stack.gateway_target) as stub:
        whole = await talk(stub, [config("FLAC", 0), audio(content)])
        bytewise = await talk(stub, [config("FLAC", 0), *pieces(content, 1)])
    assert whole.text
    assert bytewise.finals == whole.finals


@pytest.mark.parametrize("last", [[], [KEEP_ALIVE], [FLUSH, FLUSH], [audio(b""), audio(b"")]])
async def test_a_stream_without_audio_ends_ok_and_says_nothing(
    running: StackThread, last: list[Request]
) -> None:
    async with raw.speech_stub(running.stack.gateway_target) as stub:
        answer = await talk(stub, [config(), *last])
    assert answer.outcome == "OK"
    assert [response.WhichOneof("response") for response in answer.responses] == ["session"]


async def test_a_storm_of_controls_keeps_its_order(running: StackThread) -> None:
    rng, pcm = random.Random(1), raw.clip_pcm(6)
    requests, marks, position = [config(interim_results=True)], [], 0
    while position < len(pcm):
        size = rng.randrange(0, 16_000) // 2 * 2
        requests.append(audio(pcm[position : position + size], position // 2))
        position += size
        for _ in range(rng.randrange(5)):
            marks.append(f"m{len(marks)}")
            requests.append(rng.choice([FLUSH, KEEP_ALIVE, update_hotwords("sensibility", 2.0)]))
            requests.append(mark(marks[-1]))
    async with raw.speech_stub(running.stack.gateway_target) as stub:
        first, again = await asyncio.gather(talk(stub, requests), talk(stub, requests))
    assert first.outcome == "OK"
    assert first.marks == marks
    assert [final.segment_id for final in first.finals] == list(range(len(first.finals)))
    assert len(first.finals) > 1
    assert first.finals == again.finals


async def test_every_flush_ends_its_segment_before_the_mark_behind_it(running: StackThread) -> None:
    pcm = raw.clip_pcm(4)
    requests = [config()]
    for number in range(3):
        requests += [*pieces(pcm), FLUSH, mark(str(number))]
    async with raw.speech_stub(running.stack.gateway_target) as stub:
        answer = await talk(stub, requests)
    order = [
        response.mark.id or response.result.segment_id
        for response in answer.responses
        if response.WhichOneof("response") in ("mark", "result")
    ]
    assert order == [0, "0", 1, "1", 2, "2"]


async def test_new_hotwords_count_from_the_next_segment_on(running: StackThread) -> None:
    pcm = raw.clip_pcm(4)
    half = len(pcm) // 4 * 2
    async with raw.speech_stub(running.stack.gateway_target) as stub:
        plain = await talk(stub, [config(), *pieces(pcm), FLUSH, *pieces(pcm)])
        unwanted = update_hotwords(plain.finals[1].alternatives[0].text.split()[0], -20.0)
        updated = await talk(
            stub, [config(), *pieces(pcm[:half]), unwanted, *pieces(pcm[half:]), FLUSH, *pieces(pcm)]
        )
    assert updated.finals[0] == plain.finals[0]
    assert updated.finals[1] != plain.finals[1]


def update_hotwords(phrase: str, boost: float) -> Request:
    phrases = config_pb2.HotwordSet(phrases=[config_pb2.Hotword(phrase=phrase, boost=boost)])
    return control(update_config=speech_pb2.UpdateConfig(hotwords=phrases))


def flac_of(pcm: bytes) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.frombuffer(pcm, np.int16), raw.RATE_HZ, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def at_rate(pcm: bytes, rate_hz: int) -> np.ndarray:  # type: ignore[type-arg]  # int16 [samples]
    return np.asarray(soxr.resample(np.frombuffer(pcm, np.int16), raw.RATE_HZ, rate_hz))


def opus_of(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000)
        stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(at_rate(pcm, 48_000)[None], format="s16", layout="mono")
        frame.sample_rate = 48_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def second_of_two_channels(pcm: bytes) -> bytes:
    mine = at_rate(pcm, 48_000)
    other = np.random.default_rng(2).integers(-9_000, 9_000, len(mine), np.int16)
    return np.stack([other, mine], axis=1).tobytes()


def mulaw_of(pcm: bytes) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, at_rate(pcm, 8_000), 8_000, format="RAW", subtype="ULAW")
    return file.getvalue()


async def test_the_same_speech_in_every_encoding(running: StackThread) -> None:
    pcm = raw.clip_pcm(18)
    ways = {
        "FLAC": (config("FLAC", 0), flac_of(pcm)),
        "Opus": (config("OGG_OPUS", 0), opus_of(pcm)),
        "stereo": (config(rate_hz=48_000, channels=2, channel=1), second_of_two_channels(pcm)),
        "mu-law": (config("MULAW", 8_000), mulaw_of(pcm)),
    }
    async with raw.speech_stub(running.stack.gateway_target) as stub:
        plain, *others = await asyncio.gather(
            talk(stub, [config(), *pieces(pcm)]),
            *(talk(stub, [first, *pieces(content)]) for first, content in ways.values()),
        )
    texts = {name: answer.text for name, answer in zip(ways, others, strict=True)}
    rates = {name: jiwer.wer(plain.text, text) for name, text in texts.items()}
    assert others[0].finals == plain.finals, "FLAC is lossless"
    assert rates["stereo"] < 0.1, rates
    assert rates["Opus"] < 0.35, rates
    assert rates["mu-law"] < 0.6, rates


async def test_capabilities_are_those_of_this_stack(running: StackThread, model_dir: Path) -> None:
    async with raw.speech_stub(running.stack.gateway_target) as stub:
        answer = await stub.GetCapabilities(speech_pb2.GetCapabilitiesRequest())
    assert [model.name for model in answer.models] == [model_dir.name]
    assert answer.models[0].chunk_duration.ToMilliseconds() == chunk_ms(geometry_of(model_dir))
    assert list(answer.encodings) == [value for value in config_pb2.AudioEncoding.values() if value]
    assert set(answer.decoding_methods) == {value for value in config_pb2.DecodingMethod.values() if value}
    assert answer.limits.max_hotwords == 200
    assert answer.limits.max_message_bytes == 1 << 20
    assert answer.limits.max_unary_audio.seconds == 60


async def test_health_and_reflection_answer_plain_clients(running: StackThread) -> None:
    async def ask() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    async with grpc.aio.insecure_channel(running.stack.gateway_target) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        for service in ("", "amira.asr.v1.Speech"):
            answer = await check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(ask())
        names = {service.name async for r in reflection for service in r.list_services_response.service}
    assert "amira.asr.v1.Speech" in names


def assert_flat(before: dict[str, Holdings], after: dict[str, Holdings], allowed_mib: float) -> None:
    for name, old in before.items():
        new = after[name]
        assert new.rss_mib - old.rss_mib < allowed_mib, f"{name}: {old} -> {new}"
        # Python's default executor and the grpc core start threads when they need them first, and keep them.
        assert new.threads - old.threads <= 8, f"{name}: {old} -> {new}"
        assert new.descriptors - old.descriptors <= 4, f"{name}: {old} -> {new}"


@pytest.mark.slow
async def test_long_silence_says_nothing_and_fills_nothing(running: StackThread) -> None:
    """5 minutes, of which the first two are for warming up."""
    minute = [audio(b"\xff" * 80_000)] * 6
    held: list[dict[str, Holdings]] = []

    def silence() -> Iterator[Request]:
        yield config("MULAW", 8_000, interim_results=True)
        for number in range(5):
            if number == 2:
                held.append(holdings(running))
            yield from minute

    async with raw.speech_stub(running.stack.gateway_target) as stub:
        answer = await talk(stub, silence())
    assert answer.outcome == "OK"
    assert [response.WhichOneof("response") for response in answer.responses] == ["session"]
    assert_flat(held[0], holdings(running), allowed_mib=10)


@pytest.mark.slow
async def test_streams_leave_no_memory_threads_or_descriptors_behind(running: StackThread) -> None:
    requests = [config(interim_results=True, max_alternatives=3), *pieces(raw.clip_pcm(1))]

    async def one() -> None:
        async with raw.speech_stub(running.stack.gateway_target) as stub:  # a connection of its own
            answer = await talk(stub, requests)
            while answer.code is grpc.StatusCode.UNAVAILABLE:  # a machine that stood still: asked again
                await asyncio.sleep(0.1)
                answer = await talk(stub, requests)
        assert answer.outcome == "OK"

    async def many(count: int) -> None:
        for _ in range(count // 8):
            await asyncio.gather(*(one() for _ in range(8)))

    await many(40)
    before = holdings(running)
    await many(200)
    await all_slots_free(running)
    assert_flat(before, holdings(running), allowed_mib=20)
