"""The decoder over gRPC, with the real model on real speech."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import numpy as np
import pytest

from amira.asr.v1 import config_pb2, result_pb2
from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_core.rpc.status import from_rpc_error
from tests.conftest import ROOT
from tests.decoder.conftest import DecoderServer, Request, finals
from tests.support.features import fbank_of
from tests.support.geometry import FRAME_MS, chunk_ms, geometry_of, lengths_around_a_chunk

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
Config = config_pb2.RecognitionConfig


async def failure_of(server: DecoderServer, *requests: Request) -> errors.AmiraError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await server.exchange(requests)
    return from_rpc_error(failed.value, errors.DecoderLostError)


async def slots_used(server: DecoderServer) -> int:
    return (await server.stub.Describe(decoder_pb2.DescribeRequest())).slots_used


async def test_words_events_and_order(decoder_server: DecoderServer, model_dir: Path) -> None:
    frames = fbank_of(CLIP)
    responses = await decoder_server.decode(frames, Config(interim_results=True, word_times=True))
    assert responses[0].HasField("accepted")
    geometry, model = geometry_of(model_dir), responses[0].accepted.model
    assert model.name == model_dir.name
    assert model.chunk_duration.ToMilliseconds() == chunk_ms(geometry)
    ahead_frames = geometry.window_frames - geometry.chunk_frames + geometry.delay_frames
    assert model.look_ahead.ToMilliseconds() == ahead_frames * FRAME_MS
    kinds = result_pb2.SpeechEvent
    open_segment = -1
    last_final = -1
    audio_ms = len(frames) * 10
    for response in responses[1:]:
        if response.HasField("event"):
            if response.event.kind == kinds.KIND_SPEECH_START:
                open_segment = response.event.segment_id
            assert response.event.segment_id == open_segment
        else:
            assert response.result.segment_id == open_segment == last_final + 1
            if response.result.is_final:
                last_final = open_segment
            words = response.result.alternatives[0].words
            assert " ".join(word.text for word in words) == response.result.alternatives[0].text
            times = [t.ToMilliseconds() for word in words for t in (word.start, word.end)]
            assert times == sorted(times)
            assert all(0 <= t <= audio_ms for t in times)
            assert all(0 <= word.confidence <= 1 for word in words)
    assert len(finals(responses)) >= 2, "the clip has pauses that end segments"
    assert responses[-1].decoded_frames == len(frames)


async def test_message_sizes_do_not_change_anything(decoder_server: DecoderServer) -> None:
    frames = fbank_of(CLIP)
    config = Config(interim_results=True)
    whole = await decoder_server.decode(frames, config, frames_per_message=len(frames))
    small = await decoder_server.decode(frames, config, frames_per_message=7)
    assert [r.result for r in whole] == [r.result for r in small]


async def test_flush_gives_the_final_at_once_and_a_mark_follows_it(decoder_server: DecoderServer) -> None:
    frames = fbank_of(CLIP)[:150]
    call = decoder_server.stub.Decode()
    await call.write(Request(config=Config()))
    await call.write(Request(features=frames.tobytes()))
    await call.write(Request(flush={}))
    await call.write(Request(mark={"id": "after"}))
    seen: list[decoder_pb2.DecodeResponse] = []
    while not (seen and seen[-1].HasField("mark")):
        seen.append(await call.read())
    assert len(finals(seen)) == 1
    assert seen[-1].mark.id == "after"
    assert seen[-1].decoded_frames == 150
    call.cancel()


async def test_a_stream_goes_on_after_a_flush_with_true_times(decoder_server: DecoderServer) -> None:
    """Padding at a flush must not shift the words behind it."""
    frames = fbank_of(CLIP)
    requests = [
        Request(config=Config(word_times=True)),
        Request(features=frames.tobytes()),
        Request(flush={}),
        Request(features=frames.tobytes()),
        Request(end={}),
    ]
    responses = await decoder_server.exchange(requests)
    results = [r.result for r in responses if r.HasField("result")]
    clip_ms = len(frames) * 10
    again = [r for r in results if r.segment_start.ToMilliseconds() >= clip_ms]
    assert again
    first, repeat = results[0].alternatives[0].words[0], again[0].alternatives[0].words[0]
    assert abs(repeat.start.ToMilliseconds() - clip_ms - first.start.ToMilliseconds()) <= 160


async def test_short_streams_end_well(decoder_server: DecoderServer, model_dir: Path) -> None:
    for frames in lengths_around_a_chunk(geometry_of(model_dir)):
        responses = await decoder_server.decode(fbank_of(CLIP)[:frames])
        assert responses[0].HasField("accepted")
        assert responses[-1].decoded_frames in (0, frames)


async def test_silence_says_nothing(decoder_server: DecoderServer) -> None:
    silence = np.full((3000, 80), -15.9424, np.float32)
    responses = await decoder_server.decode(silence, Config(interim_results=True), frames_per_message=500)
    assert [r for r in responses if r.HasField("result") or r.HasField("event")] == []


async def test_n_best_are_distinct_and_start_with_the_best(decoder_server: DecoderServer) -> None:
    frames = fbank_of(CLIP)
    one = finals(await decoder_server.decode(frames, Config()))
    responses = await decoder_server.decode(frames, Config(max_alternatives=4))
    assert finals(responses) == one
    readings = [
        [a.text for a in r.result.alternatives]
        for r in responses
        if r.HasField("result") and r.result.is_final
    ]
    assert max(map(len, readings)) > 1
    assert all(len(texts) <= 4 for texts in readings)


async def test_slots_are_refused_when_gone_and_freed_on_every_exit(decoder_server: DecoderServer) -> None:
    calls = [decoder_server.stub.Decode() for _ in range(8)]
    for call in calls:
        await call.write(Request(config=Config()))
        assert (await call.read()).HasField("accepted")
    assert await slots_used(decoder_server) == 8
    refused = await failure_of(decoder_server, Request(config=Config()))
    assert isinstance(refused, errors.NoCapacityError)
    assert refused.retryable
    calls[0].cancel()  # cancelled
    await calls[1].done_writing()  # half-closed without `end`
    await calls[2].write(Request(features=b"123"))  # malformed
    await calls[3].write(Request(end={}))  # ended
    for call in calls[1:4]:
        with_status = [code async for code in _until_end(call)]
        assert with_status
    async with asyncio.timeout(60):
        while await slots_used(decoder_server) != 4:  # noqa: ASYNC110 - asked over the network
            await asyncio.sleep(0.02)
    for call in calls[4:]:
        call.cancel()


async def _until_end(call):  # type: ignore[no-untyped-def]  # a generator over a grpc call
    try:
        while (await call.read()) is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError:
        pass
    yield await call.code()


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([Request(features=b"")], errors.ConfigMissingError),
        ([Request(config=Config()), Request(config=Config())], errors.ConfigRepeatedError),
        ([Request(config=Config()), Request()], errors.ProtocolError),
        ([Request(config=Config(), resume={"segment_id": -1})], errors.InvalidSettingError),
        ([Request(features=b"", resume={"segment_id": 1})], errors.ConfigMissingError),
        ([Request(config=Config()), Request(flush={}, resume={})], errors.ProtocolError),
        (
            # With audio to decode, `end` takes long enough for what follows it to be seen.
            [
                Request(config=Config()),
                Request(features=bytes(4 * 80 * 500)),
                Request(end={}),
                Request(features=b""),
            ],
            errors.AudioAfterEndError,
        ),
        ([Request(config=Config()), Request(features=b"1234")], errors.MalformedAudioError),
        ([Request(config=Config(model="other"))], errors.UnknownModelError),
        ([Request(config=Config(decoding_method=99))], errors.InvalidSettingError),  # type: ignore[arg-type]
        (
            [Request(config=Config(decoding_method=config_pb2.DECODING_METHOD_GREEDY, max_alternatives=2))],
            errors.InvalidSettingError,
        ),
        (
            [Request(config=Config(endpoint={"max_segment": {"seconds": 3600}}))],
            errors.InvalidSettingError,
        ),
        ([Request(config=Config(hotwords={"phrases": [{"phrase": "x"}] * 5000}))], errors.HotwordError),
        (
            [
                Request(config=Config()),
                Request(update_config={"hotwords": {"phrases": [{"phrase": "\u4e2d"}]}}),
            ],
            errors.HotwordError,
        ),
    ],
)
async def test_bad_requests_get_their_own_error(
    decoder_server: DecoderServer, requests: list[Request], expected: type[errors.AmiraError]
) -> None:
    assert type(await failure_of(decoder_server, *requests)) is expected


async def test_not_a_number_in_features_hurts_nobody_else(decoder_server: DecoderServer) -> None:
    frames = fbank_of(CLIP)
    broken = np.full((500, 80), np.nan, np.float32)
    alone = finals(await decoder_server.decode(frames))
    together = await asyncio.gather(decoder_server.decode(frames), decoder_server.decode(broken))
    assert finals(together[0]) == alone


async def test_model_folder_problems_are_named(tmp_path: Path) -> None:
    from amira_decoder.decoder import StreamingDecoder
    from amira_decoder.model.folder import ModelFolderError
    from amira_decoder.settings import DecoderSettings

    with pytest.raises(ModelFolderError, match="no model folder"):
        StreamingDecoder(DecoderSettings(model_dir=tmp_path / "nowhere"))
    with pytest.raises(ModelFolderError, match=r"no encoder\*\.onnx"):
        StreamingDecoder(DecoderSettings(model_dir=tmp_path))
