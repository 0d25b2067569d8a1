"""The supervisor's parts, each by itself."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from amira_encoder import wire
from amira_encoder.geometry import EncoderGeometry
from amira_triton import layout, shared_memory, stub_process
from amira_triton.addresses import split_address
from amira_triton.server_log import ServerLog, classify
from amira_triton.stub_process import find_stub, wait_for_exit
from tests.support.triton import wait_until

ROOT = Path(__file__).resolve().parents[2]


def test_the_models_config_declares_what_the_client_sends() -> None:
    config = (ROOT / "deploy" / "triton" / "encoder" / "config.pbtxt").read_text()
    declared = dict(re.findall(r'\{ name: "(\w+)" data_type: TYPE_(\w+)', config))
    assert declared == wire.TYPES
    assert f'name: "{wire.MODEL_NAME}"' in config


def test_a_description_survives_the_wire() -> None:
    for geometry in (EncoderGeometry(99, 64, 80, 16, 256), EncoderGeometry(35, 32, 80, 8, 288, 6)):
        description = wire.Description(geometry, 8, "ab" * 32, "openvino int8", True, 1.5, 0.0)
        assert wire.Description.from_bytes(description.to_bytes()) == description


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"geometry": [1, 1, 1, 1, 1], "slots": 1, "fingerprint": "", "engine": ""}',
        b'{"geometry": [1, 1, 1, 1, 1, -1], "slots": 1, "fingerprint": "", "engine": ""}',
        b'{"geometry": [1, 1, 1, 1, 1, 0], "slots": 0, "fingerprint": "", "engine": ""}',
        b'{"geometry": [1, 1, 1, 1, 1, 0], "slots": "1", "fingerprint": "", "engine": ""}',
        b'{"geometry": [1, 1, 1, 1, 1, 0], "slots": 1, "fingerprint": 1, "engine": ""}',
    ],
)
def test_what_is_no_description_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="encoder"):
        wire.Description.from_bytes(wrong)


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ('I1122 17:18:05.171394 6879 grpc_server.cc:2558] "Started"', "debug", "Started"),
        ('I1122 17:18:05.171394 6879 model.py:31] "encoder x: y"', "info", "encoder x: y"),
        ('W1122 17:18:05.171394 6879 x.cc:1] "CUDA driver version is insufficient"', "debug", None),
        ('E1122 17:18:05.171394 6879 x.cc:1] "CudaDriverHelper has not been initialized."', "debug", None),
        (
            "E1122 17:18:05.171394 6879 m.cc:654] \"failed to load 'encoder'\"",
            "error",
            "failed to load 'encoder'",
        ),
        ("F1122 17:18:05.171394 6879 x.cc:1] cuda", "critical", "cuda"),
        ("Signal (15) received.", "debug", "Signal (15) received."),
        ("", "debug", ""),
    ],
)
def test_tritons_lines_get_levels(line: str, level: str, text: str | None) -> None:
    got_level, got_text, _ = classify(line)
    assert got_level == level
    assert text is None or got_text == text


async def test_any_output_is_survived() -> None:
    reader = asyncio.StreamReader(limit=64)
    reader.feed_data(
        b"\xff\xfe\n" + b"x" * 1000 + b'\n\n| table |\nE1122 1:2:3.4 5 a.cc:6] "broken"\nno newline'
    )
    reader.feed_eof()
    log = ServerLog()
    await log.forward(reader)
    assert log.last_errors() == 'E1122 1:2:3.4 5 a.cc:6] "broken"'


@pytest.mark.parametrize(
    ("address", "parts"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8001", ("::1", 8001)), ("localhost:1", ("localhost", 1))],
)
def test_addresses_are_split(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts


def test_only_regions_of_dead_supervisors_are_removed(tmp_path: Path) -> None:
    own = shared_memory.region_prefix()
    namespace, pid, started = own.rstrip("_").split("_")[2:]
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {
        f"{own}abc": True,
        f"amira_triton_{namespace}_{dead.pid}_{started}_abc": False,
        f"amira_triton_{namespace}_{pid}_{int(started) - 1}_abc": False,  # the number was used again
        f"amira_triton_1_{dead.pid}_{started}_abc": True,  # another container's
        "amira_triton_x": True,
        "triton_python_backend_shm_region_1": True,  # another program's
    }
    for name in names:
        (tmp_path / name).touch()
    removed = shared_memory.remove_leftovers(tmp_path)
    assert removed == sorted(name for name, stays in names.items() if not stays)
    assert {path.name for path in tmp_path.iterdir()} == {name for name, stays in names.items() if stays}


def comm_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_only_stubs_of_dead_supervisors_are_killed(tmp_path: Path) -> None:
    own = shared_memory.region_prefix()
    namespace, pid, started = own.rstrip("_").split("_")[2:]
    stub = tmp_path / "triton_python_backend_stub"
    stub.write_text("#!/bin/sh\nread line\n")
    stub.chmod(0o755)
    regions = [f"{own}abc", f"amira_triton_{namespace}_{pid}_{int(started) - 1}_abc"]
    running, orphan = (
        subprocess.Popen([stub, "encoder", region], stdin=subprocess.PIPE) for region in regions
    )
    try:
        wait_until(lambda: comm_of(orphan.pid) == "triton_python_b", "it has another name")
        assert stub_process.kill_leftovers(lambda region: region == regions[1]) == [orphan.pid]
        assert shared_memory.is_leftover(regions[1])
        assert not shared_memory.is_leftover(regions[0])
        assert orphan.wait(60) == -signal.SIGKILL
        assert running.poll() is None
    finally:
        for process in (running, orphan):
            process.kill()
            process.communicate()


async def test_the_end_of_a_process_is_seen_at_once() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)  # noqa: ASYNC220 - not asyncio's child on purpose
    waiting = asyncio.create_task(wait_for_exit(process.pid))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    process.kill()
    await asyncio.wait_for(waiting, 60)
    process.communicate()
    await asyncio.wait_for(wait_for_exit(process.pid), 60)  # long gone


def test_other_children_are_no_stubs() -> None:
    assert find_stub(os.getpid()) is None
    assert find_stub(2**22 - 1) is None


def test_a_missing_wheel_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout.util, "find_spec", lambda _name: None)
    with pytest.raises(
        layout.TritonInstallationError, match=r"pip install --no-deps -r requirements/triton\.txt"
    ):
        layout.prepare_layout(tmp_path, ROOT / "deploy" / "triton")


def test_a_cache_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(layout.TritonInstallationError, match="AMIRA_TRITON_CACHE_DIR"):
        layout.prepare_layout(tmp_path / "file" / "cache", ROOT / "deploy" / "triton")


def test_a_python_without_its_shared_library_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout.sysconfig, "get_config_var", lambda _name: str(tmp_path))
    monkeypatch.setattr(layout.sys, "base_prefix", str(tmp_path))
    monkeypatch.setattr(layout.ctypes.util, "find_library", lambda _name: None)
    with pytest.raises(layout.TritonInstallationError, match=r"apt-get install libpython3\.\d+"):
        layout._shared_libpython()
