"""Frames by the decoder's chunk: no chunk waits for what it does not need, and no frame is lost or moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira.frontend.v1 import frontend_pb2, frontend_pb2_grpc
from amira_core.rpc.channel import open_channel
from amira_core.rpc.server import RpcServer
from amira_frontend.held_frames import HeldFrames
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from tests.frontend import audio

Request = frontend_pb2.ExtractRequest
END = Request(end=frontend_pb2.EndOfAudio())
FLUSH, MARK = "flush", "mark"

grids = st.builds(
    frontend_pb2.Chunks,
    first_frame=st.integers(0, 300),
    window_frames=st.integers(1, 120),
    chunk_frames=st.integers(1, 80),
)


def complete(frames: int, window: int, step: int) -> int:
    """Chunks that can be decoded once so many frames have come since the first one began."""
    return 0 if frames < window else (frames - window) // step + 1


@given(
    grid=grids,
    first_frame=st.sampled_from([0, 100, 200]),
    actions=st.lists(st.one_of(st.integers(0, 130), st.sampled_from([FLUSH, MARK])), max_size=40),
)
def test_every_chunk_leaves_as_soon_as_it_is_complete(
    grid: frontend_pb2.Chunks, first_frame: int, actions: list[int | str]
) -> None:
    held = HeldFrames(grid, first_frame)
    begin, end, sent = grid.first_frame, first_frame, first_frame
    window, step = grid.window_frames, grid.chunk_frames

    def send() -> None:
        nonlocal sent
        features = held.take(0).features
        assert features.first_frame == sent
        sent += len(features.frames) // 320
        assert sent == end

    for action in actions:
        if isinstance(action, int):
            held.add(np.zeros((action, 80), np.float32))
            end += action
            is_new = complete(end - begin, window, step) > complete(sent - begin, window, step)
            assert held.due == is_new  # neither late nor, for that is what it is about, early
            if held.due:
                send()
        else:
            if len(held):
                send()
            if action == FLUSH:
                held.chunk_begins()
                begin = end
    assert len(held) == end - sent


def test_without_a_grid_every_frame_leaves_at_once() -> None:
    held = HeldFrames(None, 0)
    assert not held.due
    for count in (1, 7):
        held.add(np.zeros((count, 80), np.float32))
        assert held.due
        assert len(held.take(0).features.frames) == count * 320
        assert not held.due


async def talk(settings: FrontendSettings, requests: list[Request]) -> list[Any]:
    server = RpcServer("in-process:held", "amira.frontend.v1.Frontend")
    frontend_pb2_grpc.add_FrontendServicer_to_server(FrontendServicer(settings), server.grpc)
    await server.start()
    try:
        async with open_channel("in-process:held") as channel:
            stub: Any = frontend_pb2_grpc.FrontendStub(channel)
            return [response async for response in stub.Extract(requests)]
    finally:
        await server.stop(0)


@pytest.mark.parametrize("message_ms", [20, 100, 330, 2000])
async def test_the_frames_are_those_of_a_frontend_that_holds_nothing(message_ms: int) -> None:
    sound = audio.pcm16(audio.voice_like(70_000))
    size = message_ms * 32
    pieces = [Request(audio=piece) for piece in audio.split(sound, range(size, len(sound), size))]
    middle = len(pieces) // 2
    frames, counts, before_barrier = [], [], []
    for chunks in (None, frontend_pb2.Chunks(window_frames=39, chunk_frames=32)):
        audio_format = audio.audio_format(audio.LINEAR16, 16_000)
        if chunks is not None:
            audio_format.chunks.CopyFrom(chunks)
        requests = [
            Request(format=audio_format),
            *pieces[:middle],
            Request(barrier=1, chunk_begins=True),
            *pieces[middle:],
            Request(barrier=2),
            END,
        ]
        responses = await talk(FrontendSettings(), requests)
        content = [each.features.frames for each in responses]
        frames.append(b"".join(content))
        counts.append(sum(map(bool, content)))
        kinds = [each.WhichOneof("response") for each in responses]
        before_barrier.append(b"".join(content[: kinds.index("barrier")]))
    assert frames[0] == frames[1]
    assert before_barrier[0] == before_barrier[1]
    if message_ms <= 100:
        assert counts[1] < counts[0] / 2
