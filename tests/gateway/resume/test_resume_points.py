"""Streams that begin at a resume point: those that servers give, and those that they never gave."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira.asr.v1 import config_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira.gateway.v1 import state_pb2
from amira_core import errors
from amira_gateway.session import resume_point
from amira_gateway.session.audio import AudioShape
from tests.gateway.scripted import FLUSH, Request, audio, config, control, mark, pattern, running, talk

PCM = config().config
SHAPE = AudioShape.of(PCM)
MODEL = config_pb2.ModelInfo(name="counter", version="7")


def at(point: speech_pb2.ResumePoint, **fields: Any) -> Request:
    request = config(**fields)
    request.resume_point.CopyFrom(point)
    return request


def state(**fields: Any) -> bytes:
    given: dict[str, Any] = {"version": 1, "model": "counter", "model_version": "7"}
    return state_pb2.StreamState(**(given | fields)).SerializeToString()


async def test_a_stream_goes_on_where_a_final_says() -> None:
    sound = pattern(32_000 * 5 + 1_280)
    async with running() as stack:
        whole = await talk(stack, config(), audio(sound[:100_160]), FLUSH, audio(sound[100_160:]))
        (first, last) = [response for response in whole.responses if response.result.is_final]
        point = first.resume_point
        assert point.audio_offset == 2 * 16_000  # 3.13 s, a second for the frontend, whole seconds
        offset = point.audio_offset
        answer = await talk(
            stack, at(point), audio(sound[64_000:100_160], offset), FLUSH, audio(sound[100_160:])
        )
        (again,) = [response for response in answer.responses if response.result.is_final]
        assert again.result == last.result
        assert again.received_offset == last.received_offset
        assert again.resume_point == last.resume_point
        assert again.lag.audio.ToMilliseconds() == 0
        assert bytes(stack.decoder.calls[1].audio) == sound[100_160:]
        assert stack.frontend.calls[1].requests[0].format.first_sample == offset
        await stack.freed()


async def test_silence_has_resume_points_for_those_who_resume() -> None:
    async with running() as stack:

        async def silence(call: Any, request: Any) -> None:
            if request.WhichOneof("request") == "features":
                resume = decoder_pb2.ResumePoint(first_frame=200, segment_start_frame=200)
                await call.context.write(decoder_pb2.DecodeResponse(resume=resume))

        stack.decoder.hook = silence
        asking = config()
        asking.resumable = True
        told = await talk(stack, asking, audio(pattern(320)))
        (alone,) = [response for response in told.responses if response.WhichOneof("response") is None]
        assert alone.resume_point.audio_offset == 16_000
        told = await talk(stack, config(), audio(pattern(320)))
        assert None not in [response.WhichOneof("response") for response in told.responses]


async def test_the_model_stays_the_same() -> None:
    point = speech_pb2.ResumePoint(state=state(model_version="8"))
    async with running() as stack:
        answer = await talk(stack, at(point), audio(pattern(640)))
        assert isinstance(answer.error, errors.NoCapacityError)
        await stack.freed()


BAD_POINTS = {
    "no state": speech_pb2.ResumePoint(),
    "garbage": speech_pb2.ResumePoint(state=b"\xff" * 30),
    "huge": speech_pb2.ResumePoint(state=bytes(100_000)),
    "another version": speech_pb2.ResumePoint(state=state(version=2)),
    "wrong offset": speech_pb2.ResumePoint(audio_offset=16_000, state=state()),
    "negative offset": speech_pb2.ResumePoint(audio_offset=-16_000, state=state()),
    "negative frame": speech_pb2.ResumePoint(
        state=state(decoder=decoder_pb2.ResumePoint(first_frame=-1, segment_start_frame=-1))
    ),
    "far away": speech_pb2.ResumePoint(
        audio_offset=(2**62 // 100 - 1) * 16_000 % 2**62,
        state=state(decoder=decoder_pb2.ResumePoint(first_frame=2**62, segment_start_frame=2**62)),
    ),
    "segment before its frames": speech_pb2.ResumePoint(
        audio_offset=16_000,
        state=state(decoder=decoder_pb2.ResumePoint(first_frame=200, segment_start_frame=100)),
    ),
    "no warm-up": speech_pb2.ResumePoint(
        audio_offset=16_000,
        state=state(decoder=decoder_pb2.ResumePoint(first_frame=200, segment_start_frame=300)),
    ),
    "negative segment": speech_pb2.ResumePoint(state=state(decoder=decoder_pb2.ResumePoint(segment_id=-1))),
}


@pytest.mark.parametrize("point", BAD_POINTS.values(), ids=BAD_POINTS)
async def test_points_that_no_server_gave(point: speech_pb2.ResumePoint) -> None:
    async with running() as stack:
        answer = await talk(stack, at(point), audio(pattern(640)))
        assert isinstance(answer.error, errors.InvalidSettingError)
        assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
        assert stack.decoder.calls == []
        await stack.freed()


async def test_audio_with_a_header_has_no_resume_points() -> None:
    async with running() as stack:
        fields = {"encoding": config_pb2.AUDIO_ENCODING_FLAC, "sample_rate_hz": 0}
        answer = await talk(stack, at(speech_pb2.ResumePoint(state=state()), **fields), audio(pattern(640)))
        assert isinstance(answer.error, errors.InvalidSettingError)
        answer = await talk(stack, config(**fields), audio(pattern(64_000)), FLUSH)
        assert not any(response.HasField("resume_point") for response in answer.responses)


@given(content=st.binary(max_size=200), offset=st.integers(-(2**63), 2**63 - 1))
def test_no_bytes_are_more_than_an_error(content: bytes, offset: int) -> None:
    point = speech_pb2.ResumePoint(audio_offset=offset, state=content)
    try:
        resume_point.parse(point, PCM, SHAPE)
    except errors.InvalidSettingError:
        return
    # Empty fields are zeros, so a few bytes can be a valid beginning: then it is that of a stream.
    assert resume_point.parse(point, PCM, SHAPE).audio_s * 16_000 == offset


Numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 10_000)


@given(
    frame=Numbers,
    warm_up=st.integers(-(2**31), 2**31 - 1),
    segment=st.integers(-(2**31), 2**31 - 1),
    start=Numbers,
)
def test_no_numbers_are_more_than_an_error(frame: int, warm_up: int, segment: int, start: int) -> None:
    decoder = decoder_pb2.ResumePoint(
        first_frame=frame, warm_up_chunks=warm_up, segment_id=segment, segment_start_frame=start
    )
    try:
        point = resume_point.public_point(decoder, MODEL, 16_000)
        beginning = resume_point.parse(point, PCM, SHAPE)
    except (errors.InvalidSettingError, ValueError):
        assert (
            min(frame, warm_up, segment, start) < 0
            or start < frame
            or max(frame, start) > 2**36
            or (warm_up == 0 and start != frame)
            or max(warm_up, segment) > 2**30
        )
    else:
        assert beginning.decoder == decoder
        assert beginning.audio_s <= frame / 100


async def test_the_worst_that_passes_the_checks_harms_nobody() -> None:
    """Numbers that could be a server's, with audio that does not fit to them."""
    frame = 2**36 - 36
    decoder = decoder_pb2.ResumePoint(
        first_frame=frame, warm_up_chunks=2**30, segment_id=2**30, segment_start_frame=frame
    )
    point = resume_point.public_point(decoder, MODEL, 16_000)
    async with running() as stack:
        for requests in ([], [FLUSH, mark("a")], [audio(pattern(64_000)), FLUSH]):
            answer = await talk(stack, at(point), *requests)
            assert answer.code is grpc.StatusCode.OK
        update = control(update_config=speech_pb2.UpdateConfig(interim_results=True))
        assert (await talk(stack, at(point), update)).code is grpc.StatusCode.OK
        await stack.freed()
