"""Hot swap with the encoder in a real Triton: told in either order, every stream keeps its words."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from amira_decoder.settings import DecoderSettings
from tests.conftest import ROOT
from tests.decoder.conftest import serving
from tests.decoder.talk import Talk
from tests.support.features import fbank_of
from tests.support.other_model import write_other_model
from tests.support.triton import TritonProcess

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
LIMIT_S = 60


def point(link: Path, target: Path) -> None:
    fresh = link.with_name("fresh")
    fresh.symlink_to(target)
    fresh.replace(link)


@pytest.mark.slow
async def test_streams_run_over_swaps_there_and_back(model_dir: Path, tmp_path: Path) -> None:
    other = write_other_model(model_dir, tmp_path / "v2")
    link = tmp_path / "current"
    link.symlink_to(model_dir)
    frames = fbank_of(CLIP)
    triton = await asyncio.to_thread(TritonProcess.start, link, 4, release_after_s=5)
    try:
        settings = DecoderSettings(
            model_dir=link, triton_target=triton.target, search="greedy", model_keep_s=0.1
        )
        async with serving(settings) as server:

            async def version_becomes_other_than(version: str) -> None:
                async with asyncio.timeout(LIMIT_S):
                    while server.decoder.model_info.version == version:  # noqa: ASYNC110 - only asked
                        await asyncio.sleep(0.02)

            plain = await Talk.open(server.stub)
            await plain.say(frames)
            expected = await plain.text()
            first = plain.accepted.model.version
            old = await Talk.open(server.stub)
            await old.say(frames[:500])

            point(link, other)
            server.decoder.reload_model()  # before Triton hears of it
            await asyncio.sleep(1)
            assert server.decoder.model_info.version == first
            triton.process.send_signal(signal.SIGHUP)
            await version_becomes_other_than(first)
            new = await Talk.open(server.stub)
            second = new.accepted.model.version
            await new.say(frames[:500])

            point(link, model_dir)
            triton.process.send_signal(signal.SIGHUP)  # before the decoder hears of it
            await asyncio.to_thread(triton.wait_for_event, "model_current", 2)
            await asyncio.sleep(6)  # longer than a model is kept that nobody needs
            server.decoder.reload_model()
            await version_becomes_other_than(second)
            newest = await Talk.open(server.stub)
            assert newest.accepted.model.version == first
            await newest.say(frames)
            for stream in (old, new):
                await stream.say(frames[500:])
            texts = await asyncio.gather(*(stream.text() for stream in (old, new, newest)))
            assert texts == [expected, expected.upper(), expected]
            await asyncio.to_thread(triton.wait_for_event, "model_unloaded")
            async with asyncio.timeout(LIMIT_S):
                while len(server.decoder.lanes.all) > 1:  # noqa: ASYNC110 - it can only be asked
                    await asyncio.sleep(0.02)
            assert server.decoder.describe().slots_used == 0
            assert server.decoder.describe().slots_orphaned == 0
    finally:
        await asyncio.to_thread(triton.stop)


@pytest.mark.slow
async def test_a_triton_that_comes_back_with_another_model_is_followed(
    model_dir: Path, tmp_path: Path
) -> None:
    other = write_other_model(model_dir, tmp_path / "v2")
    link = tmp_path / "current"
    link.symlink_to(model_dir)
    triton = await asyncio.to_thread(TritonProcess.start, link, 2)
    try:
        settings = DecoderSettings(
            model_dir=link, triton_target=triton.target, search="greedy", model_keep_s=0.1
        )
        async with serving(settings) as server:
            before = server.decoder.model_info.version
            await asyncio.to_thread(triton.stop)
            point(link, other)
            triton = await asyncio.to_thread(
                TritonProcess.start, link, 2, grpc_address=settings.triton_target
            )
            async with asyncio.timeout(LIMIT_S):
                while server.decoder.model_info.version == before:  # noqa: ASYNC110 - it can only be asked
                    await asyncio.sleep(0.02)
            stream = await Talk.open(server.stub)
            await stream.say(fbank_of(CLIP))
            text = await stream.text()
            assert text
            assert text == text.upper()
    finally:
        await asyncio.to_thread(triton.stop)
