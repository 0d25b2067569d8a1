"""What the supervisor says when it cannot start."""

from __future__ import annotations

import shutil
import socket
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from amira_core.errors import EncoderLostError
from amira_decoder.encoder.triton import TritonEncoder
from amira_local.ports import free_ports
from tests.support.triton import TritonProcess


def _failure(triton: TritonProcess) -> tuple[int, str]:
    status = triton.process.wait(120)
    reasons = [entry["problem"] for entry in triton.events() if entry["event"] == "cannot_start"]
    triton.stop()
    assert len(reasons) == 1
    return status, reasons[0]


def test_a_missing_model_folder(tmp_path: Path) -> None:
    triton = TritonProcess.start(tmp_path / "nowhere", wait=False)
    assert _failure(triton) == (2, f"model folder not found: {tmp_path / 'nowhere'}")


def test_a_model_folder_without_an_encoder(tmp_path: Path) -> None:
    triton = TritonProcess.start(tmp_path, wait=False)
    assert _failure(triton) == (2, f"no encoder*.onnx in the model folder {tmp_path}")


def test_a_broken_encoder(tmp_path: Path) -> None:
    (tmp_path / "encoder.onnx").write_bytes(b"not a graph")
    status, reason = _failure(TritonProcess.start(tmp_path, wait=False))
    assert status == 1
    assert "cannot be read as an ONNX graph" in reason


def test_a_taken_port(model_dir: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        triton = TritonProcess.start(model_dir, wait=False, http_address=address)
        status, reason = _failure(triton)
    assert status == 2
    assert f"cannot listen on {address}" in reason
    assert "AMIRA_TRITON_HTTP_ADDRESS" in reason


def test_a_wrong_setting(model_dir: Path) -> None:
    status, reason = _failure(TritonProcess.start(model_dir, wait=False, slots=0))
    assert status == 2
    assert "AMIRA_TRITON_SLOTS" in reason


def test_a_wrong_model_repository(model_dir: Path, tmp_path: Path) -> None:
    status, reason = _failure(TritonProcess.start(model_dir, wait=False, model_repository=tmp_path))
    assert status == 2
    assert "AMIRA_TRITON_MODEL_REPOSITORY" in reason


def test_two_instances_side_by_side_from_an_empty_cache(model_dir: Path, tmp_path: Path) -> None:
    """Both build the same cache at once; the second model's file is named as icefall names it."""
    cache, model = tmp_path / "cache", tmp_path / "model"
    model.mkdir()
    shutil.copy(model_dir / "encoder.onnx", model / "encoder-epoch-99-avg-1.onnx")
    pair = [TritonProcess.start(path, slots=2, wait=False, cache_dir=cache) for path in (model_dir, model)]
    for triton in pair:
        triton.wait_for_event("triton_ready")
    assert [path.name for path in cache.iterdir() if path.name.startswith(".")] == []
    for triton in pair:
        triton.ask_to_stop()
    assert [triton.stop() for triton in pair] == [0, 0]


async def test_a_client_without_a_triton_gives_up() -> None:
    encoder = TritonEncoder(f"127.0.0.1:{free_ports(1)[0]}", connect_timeout_s=0.3)
    with pytest.raises(EncoderLostError, match="did not answer within"):
        await encoder.connect()
    assert not await encoder.ready()
    await encoder.close()


async def test_strangers_cannot_unload_the_model(triton: TritonProcess) -> None:
    async with grpc.aio.insecure_channel(triton.target) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.RepositoryModelUnload(service_pb2.RepositoryModelUnloadRequest(model_name="encoder"))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
