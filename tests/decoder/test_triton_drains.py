"""Triton is about to stop: its decoder learns it, sends its streams elsewhere, and takes no new ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from amira_core import errors
from amira_core.rpc.health import is_serving
from amira_decoder.settings import DecoderSettings
from tests.conftest import ROOT
from tests.decoder.conftest import serving
from tests.decoder.talk import Talk
from tests.support.features import fbank_of
from tests.support.triton import TritonProcess

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]


async def test_streams_are_told_and_can_end_before_triton_does(model_dir: Path) -> None:
    triton = await asyncio.to_thread(TritonProcess.start, model_dir, 4, drain_timeout_s=600)
    try:
        settings = DecoderSettings(model_dir=model_dir, triton_target=triton.target, search="greedy")
        async with serving(settings) as server, grpc.aio.insecure_channel(server.target) as channel:
            frames = fbank_of(CLIP)
            stream = await Talk.open(server.stub)
            await stream.say(frames[:500])
            assert await is_serving(channel)
            triton.ask_to_stop()
            async with asyncio.timeout(120):
                while not (await stream.next()).HasField("draining"):
                    pass
            assert not await is_serving(channel)
            with pytest.raises(errors.EncoderLostError):
                await Talk.open(server.stub)
            await stream.say(frames[500:])
            assert len((await stream.text()).split()) > 30
            assert triton.process.poll() is None, "Triton was gone before its streams"
            assert await asyncio.to_thread(triton.process.wait, 30) == 0
            assert triton.count("drain_timeout") == 0
    finally:
        triton.process.kill()
        await asyncio.to_thread(triton.stop)
