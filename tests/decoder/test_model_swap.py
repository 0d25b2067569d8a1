"""Hot swap: streams keep the model they began with, new ones get the new one, a broken one is refused."""

from __future__ import annotations

import asyncio
import gc
import shutil
import signal
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from amira.decoder.v1 import decoder_pb2_grpc
from amira_core import errors
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_decoder.settings import DecoderSettings
from tests.conftest import ROOT
from tests.decoder.conftest import DecoderServer, serving
from tests.decoder.program import decoder_program
from tests.decoder.talk import Talk
from tests.support.features import fbank_of
from tests.support.other_model import write_other_model

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
LIMIT_S = 60
"""For what must happen soon: a test never waits for it unless it fails."""


@pytest.fixture(scope="module")
def other_dir(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second version of the bundled model, whose words are capitals."""
    return write_other_model(model_dir, tmp_path_factory.mktemp("models") / "v2")


@pytest.fixture
def link(model_dir: Path, tmp_path: Path) -> Path:
    """A link to the first version, as a model folder that can be replaced as a whole."""
    path = tmp_path / "current"
    path.symlink_to(model_dir)
    return path


def point(link: Path, target: Path) -> None:
    """Lets the link lead elsewhere, without a moment in which it leads nowhere."""
    fresh = link.with_name("fresh")
    fresh.symlink_to(target)
    fresh.replace(link)


@pytest.fixture
async def server(link: Path) -> AsyncIterator[DecoderServer]:
    settings = DecoderSettings(
        model_dir=link,
        encoder="in_process",
        in_process_engine="onnxruntime",
        in_process_slots=4,
        search="greedy",
        model_keep_s=0.1,
    )
    async with serving(settings) as running:
        yield running


async def version_becomes(server: DecoderServer, other_than: str) -> str:
    async with asyncio.timeout(LIMIT_S):
        while (version := server.decoder.model_info.version) == other_than:  # noqa: ASYNC110 - only asked
            await asyncio.sleep(0.02)
    return version


async def lanes_become(server: DecoderServer, count: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while len(server.decoder.lanes.all) != count:  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.02)


async def test_streams_keep_their_model_and_new_ones_get_the_new_one(
    server: DecoderServer, link: Path, other_dir: Path
) -> None:
    frames = fbank_of(CLIP)
    expected = await (await spoken(server)).text()
    old = [await Talk.open(server.stub) for _ in range(2)]
    for stream in old:
        await stream.say(frames[:400])
    first_version = old[0].accepted.model.version
    point(link, other_dir)
    server.decoder.reload_model()
    second_version = await version_becomes(server, first_version)
    new = await spoken(server)
    assert new.accepted.model.version == second_version
    assert new.accepted.model.name == old[0].accepted.model.name == "current"
    for stream in old:
        await stream.say(frames[400:])
    texts = await asyncio.gather(new.text(), *(stream.text() for stream in old))
    assert texts == [expected.upper(), expected, expected]
    await lanes_become(server, 1)
    described = server.decoder.describe()
    assert (described.slots_used, described.slots_total, described.slots_orphaned) == (0, 4, 0)


async def spoken(server: DecoderServer) -> Talk:
    stream = await Talk.open(server.stub)
    await stream.say(fbank_of(CLIP))
    return stream


async def test_a_stream_that_goes_on_gets_the_model_that_began_it_or_nothing(
    server: DecoderServer, link: Path, other_dir: Path
) -> None:
    old = await Talk.open(server.stub)
    version = old.accepted.model.version
    point(link, other_dir)
    server.decoder.reload_model()
    new_version = await version_becomes(server, version)
    goes_on = await Talk.open(server.stub, model_version=version)
    assert goes_on.accepted.model.version == version
    begins = await Talk.open(server.stub, model_version=new_version)
    assert begins.accepted.model.version == new_version
    for stream in (old, goes_on):
        await stream.text()
    await lanes_become(server, 1)
    with pytest.raises(errors.NoCapacityError, match="another version"):
        await Talk.open(server.stub, model_version=version)


async def test_a_stream_may_come_back_for_a_model_that_nobody_has_just_now(
    server: DecoderServer, link: Path, other_dir: Path
) -> None:
    """All streams of a gateway end when it is lost, and go on by way of another one."""
    server.decoder.lanes.keep_s = LIMIT_S
    old = await Talk.open(server.stub)
    version = old.accepted.model.version
    point(link, other_dir)
    server.decoder.reload_model()
    await version_becomes(server, version)
    await old.text()
    goes_on = await Talk.open(server.stub, model_version=version)
    assert goes_on.accepted.model.version == version
    await goes_on.text()


async def test_going_back_while_streams_still_have_that_model_gives_them_no_neighbour_in_their_slots(
    server: DecoderServer, link: Path, model_dir: Path, other_dir: Path
) -> None:
    frames = fbank_of(CLIP)
    expected = await (await spoken(server)).text()
    old = await Talk.open(server.stub)
    await old.say(frames[:500])
    first = old.accepted.model.version
    point(link, other_dir)
    server.decoder.reload_model()
    second = await version_becomes(server, first)
    point(link, model_dir)
    server.decoder.reload_model()
    await version_becomes(server, second)
    new = await spoken(server)
    assert new.accepted.model.version == first
    assert new.accepted.slot != old.accepted.slot
    await old.say(frames[500:])
    assert [await old.text(), await new.text()] == [expected, expected]
    await lanes_become(server, 1)


async def test_models_that_differ_in_their_search_side_alone_share_the_encoder_and_its_slots(
    server: DecoderServer, link: Path, model_dir: Path, tmp_path: Path
) -> None:
    shouting = tmp_path / "shouting"
    shutil.copytree(model_dir, shouting)
    pieces = (model_dir / "tokens.txt").read_text().splitlines()
    text = "\n".join(piece if piece.startswith("<") else piece.upper() for piece in pieces)
    (shouting / "tokens.txt").write_text(text)
    (shouting / "lm.ngram").unlink(missing_ok=True)  # so the version is another one
    (shouting / "bpe.model").unlink(missing_ok=True)
    frames = fbank_of(CLIP)
    expected = await (await spoken(server)).text()
    old = [await Talk.open(server.stub) for _ in range(2)]
    for stream in old:
        await stream.say(frames[:500])
    encoder = server.decoder.lanes.all[0].encoder
    point(link, shouting)
    server.decoder.reload_model()
    await version_becomes(server, old[0].accepted.model.version)
    new = [await spoken(server) for _ in range(2)]
    assert len({stream.accepted.slot for stream in (*old, *new)}) == 4
    with pytest.raises(errors.NoCapacityError):
        await Talk.open(server.stub)
    described = server.decoder.describe()
    assert (described.slots_used, described.slots_total) == (4, 4)
    for lane in server.decoder.lanes.all:
        lane.live.free_orphans()
    for stream in old:
        await stream.say(frames[500:])
    texts = await asyncio.gather(*(stream.text() for stream in (*old, *new)))
    assert texts == [expected, expected, expected.upper(), expected.upper()]
    await lanes_become(server, 1)
    assert server.decoder.lanes.all[0].encoder is encoder
    assert await (await spoken(server)).text() == expected.upper()
    assert server.decoder.describe().slots_orphaned == 0


async def test_an_unused_model_is_let_go_and_its_memory_with_it(
    server: DecoderServer, link: Path, other_dir: Path
) -> None:
    (lane,) = server.decoder.lanes.all
    table = weakref.ref(lane.encoder._table)  # type: ignore[attr-defined]  # that of the one in this process
    model = weakref.ref(lane.model.searches)
    del lane
    before = server.decoder.model_info.version
    point(link, other_dir)
    server.decoder.reload_model()
    await version_becomes(server, before)
    await lanes_become(server, 1)
    async with asyncio.timeout(LIMIT_S):
        while table() is not None or model() is not None:
            gc.collect()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "damage", ["no folder", "no tokens", "empty encoder", "joiner of another model", "predictor cut short"]
)
async def test_a_broken_model_changes_nothing(
    server: DecoderServer,
    link: Path,
    other_dir: Path,
    tmp_path: Path,
    damage: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(other_dir, broken)
    if damage == "no folder":
        shutil.rmtree(broken)
    elif damage == "no tokens":
        (broken / "tokens.txt").unlink()
    elif damage == "empty encoder":
        (broken / "encoder.onnx").write_bytes(b"")
    elif damage == "joiner of another model":
        (broken / "joiner.onnx").write_bytes((broken / "decoder.onnx").read_bytes())
    else:
        (broken / "decoder.onnx").write_bytes((broken / "decoder.onnx").read_bytes()[:1000])
    before = server.decoder.model_info.version
    stream = await Talk.open(server.stub)
    point(link, broken)
    server.decoder.reload_model()
    said = ""
    async with asyncio.timeout(LIMIT_S):
        while "model_refused" not in said:
            said += "".join(capsys.readouterr())
            await asyncio.sleep(0.02)
    assert server.decoder.model_info.version == before
    await stream.say(fbank_of(CLIP))
    assert await stream.text()
    point(link, other_dir)
    server.decoder.reload_model()
    await version_becomes(server, before)


@pytest.mark.slow
async def test_the_program_swaps_on_sighup_and_by_itself(
    link: Path, model_dir: Path, other_dir: Path
) -> None:
    with decoder_program(link, MODEL_WATCH_S="0.1") as program:
        async with grpc.aio.insecure_channel(program.target, options=CHANNEL_OPTIONS) as channel:
            stub = decoder_pb2_grpc.DecoderStub(channel)
            first = (await Talk.open(stub)).accepted.model.version
            point(link, other_dir)
            swapped = await asyncio.to_thread(program.log_until, "model_swapped")
            assert swapped["before"] == first
            second = (await Talk.open(stub)).accepted.model.version
            assert swapped["model_version"] == second != first
            program.process.send_signal(signal.SIGHUP)
            await asyncio.to_thread(program.log_until, "model_unchanged")
            program.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(program.process.wait, LIMIT_S) == 0
