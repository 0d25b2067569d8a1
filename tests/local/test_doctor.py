"""The doctor finds what is missing and says how to mend it."""

from __future__ import annotations

import io
import socket
import sys
from pathlib import Path

import pytest
from rich.console import Console

from amira_core.rpc.server import RpcServer
from amira_core.security.server_tls import ServerTls
from amira_core.security.transport import Transport
from amira_local import doctor, services
from amira_local.doctor import Check, State
from amira_local.ports import free_ports
from tests.support.certificates import Authority
from tests.support.speech_server import ScriptedSpeech


def state_of(check: Check) -> State:
    if check.state != "ok":
        assert check.remedy
    return check.state


def test_python_must_be_3_11() -> None:
    assert state_of(doctor.check_python()) == "ok"
    assert state_of(doctor.check_python((3, 12))) == "missing"


def test_a_missing_package_is_named_with_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_of(doctor.check_package("av", "frontend")) == "ok"
    monkeypatch.setitem(sys.modules, "av", None)
    check = doctor.check_package("av", "frontend")
    assert state_of(check) == "missing"
    assert "frontend" in check.found


def test_k2_is_advice_because_the_beam_search_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "k2", None)
    check = doctor.check_k2()
    assert check.state == "advice"
    assert "beam search" in check.found


def test_k2_elsewhere_has_no_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "k2", None)
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert "Linux x86-64 only" in doctor.check_k2().found


def test_triton_tells_what_its_layout_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMIRA_TRITON_MODEL_REPOSITORY", str(tmp_path))
    monkeypatch.setenv("AMIRA_TRITON_CACHE_DIR", str(tmp_path / "cache"))
    check = doctor.check_triton()
    assert state_of(check) == "missing"
    assert str(tmp_path) in check.found
    assert "--encoder in-process" in check.remedy


def test_the_model_folder_must_be_whole(model_dir: Path, tmp_path: Path) -> None:
    assert state_of(doctor.check_model(model_dir)) == "ok"
    assert "no folder" in doctor.check_model(tmp_path / "gone").found
    (tmp_path / "tokens.txt").touch()
    (tmp_path / "encoder-epoch-9.onnx").touch()
    check = doctor.check_model(tmp_path)
    assert state_of(check) == "missing"
    assert check.found.endswith("lacks decoder*.onnx, joiner*.onnx")


async def test_a_running_server_is_found() -> None:
    async with ScriptedSpeech() as server:
        (check,) = await doctor.check_server_and_ports(server.target)
    assert "healthy" in check.found


async def test_a_taken_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    (free,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setitem(services._WELL_KNOWN, "gateway", port)
        checks = await doctor.check_server_and_ports(f"127.0.0.1:{free}")
    assert checks[-1].state == "advice"
    assert f"{port} (gateway)" in checks[-1].found
    assert "--ephemeral-ports" in checks[-1].remedy


def test_the_report_fails_only_for_what_is_required() -> None:
    console = Console(file=io.StringIO(), width=100)
    assert doctor.report([Check("a", "ok", "1"), Check("b", "advice", "no [b] here", "do")], console) == 0
    assert doctor.report([Check("a", "missing", "gone", "get it")], console) == 1
    assert isinstance(console.file, io.StringIO)
    output = console.file.getvalue()
    assert "-> get it" in output
    assert "no [b] here" in output


async def test_everything_here_is_in_order(model_dir: Path) -> None:
    (free,) = free_ports(1)
    checks = await doctor.examine(model_dir, f"127.0.0.1:{free}")
    assert [check for check in checks if check.state == "missing"] == []


async def test_a_healthy_server_with_tls_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Authority(tmp_path).issue("gateway", host="asr.example")
    transport = Transport(server=ServerTls(pair.cert, pair.key))
    server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech", transport=transport)
    target = f"127.0.0.1:{await server.start()}"
    await server.set_ready(True)
    try:
        assert "none is running" in (await doctor.check_server_and_ports(target))[0].found
        monkeypatch.setenv("AMIRA_GATEWAY_TLS_CERT", str(pair.cert))
        (check,) = await doctor.check_server_and_ports(target)
        assert "running and healthy" in check.found
    finally:
        await server.stop(0)
