"""The wheels: the client's comes without the server and recognizes speech; the server's brings programs."""

from __future__ import annotations

import re
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.clients.programs import Server
from tests.clients.python.environment import CONSTRAINTS, Environment, build_wheels, need_index, run
from tests.conftest import ROOT

pytestmark = [pytest.mark.toolchain, pytest.mark.timeout(900)]  # most of it is an index's

CLIENT = ROOT / "clients" / "python"
OF_THE_CLIENT = {
    "amira-client", "googleapis-common-protos", "grpcio", "grpcio-status", "protobuf", "typing_extensions",
}  # fmt: skip
PROGRAMS = {
    "amira", "amira-gateway", "amira-frontend", "amira-decoder", "amira-triton", "amira-node", "amira-health",
}  # fmt: skip

TRANSCRIBE = """
import sys
from amira_client import AudioEncoding, Final, RecognitionConfig, SyncClient
target, key, path = sys.argv[1:]
with SyncClient(target, api_key=key) as client:
    finals = [event.text for event in client.listen(path) if isinstance(event, Final)]
    assert client.transcribe(path).text == " ".join(finals)
print("\\n".join(finals))
loaded = {name.partition(".")[0] for name in sys.modules}
assert not {name for name in loaded if name.startswith("amira_")} - {"amira_client"}, loaded
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The server's and the client's."""
    server, client = build_wheels(tmp_path_factory.mktemp("wheels"), ROOT, CLIENT)
    return server, client


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, wheels: tuple[Path, Path]) -> Environment:
    """With the client's wheel."""
    need_index()
    empty = Environment.make(tmp_path_factory.mktemp("client") / "venv")
    empty.install("--constraint", CONSTRAINTS, wheels[1])
    return empty


def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def metadata(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name).decode()


def test_no_file_is_in_both(wheels: tuple[Path, Path]) -> None:
    server, client = (files(wheel) for wheel in wheels)
    assert not server & client
    assert "amira/asr/v1/speech_pb2_grpc.py" in client
    assert {name.split("/")[0] for name in client} == {"amira", "amira_client"}
    assert {name.split("/")[1] for name in client if name.startswith("amira/")} == {"asr"}
    assert "amira_client/py.typed" in client
    assert "amira_gateway/server.py" in server


def test_one_version_and_the_license(wheels: tuple[Path, Path]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for wheel in wheels:
        assert re.search(rf"^Version: {re.escape(version)}$", metadata(wheel), re.MULTILINE)
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
            assert archive.read(name) == (ROOT / "LICENSE").read_bytes()
    assert f"Requires-Dist: amira-client=={version}\n" in metadata(wheels[0])
    assert "amira-asr" not in metadata(wheels[1])


def test_the_client_comes_alone(environment: Environment) -> None:
    assert set(environment.packages()) == OF_THE_CLIENT


def test_the_installed_client_recognizes_speech(
    environment: Environment, server: Server, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(TRANSCRIBE)
    said = environment.run(program, server.address, server.key, str(server.wav), cwd=tmp_path)
    assert said.splitlines() == server.finals


def test_a_wheel_of_the_source_distribution_is_the_same(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path / "dist", cwd=CLIENT)
    (source,) = (tmp_path / "dist").glob("amira_client-*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (folder,) = (tmp_path / "source").iterdir()
    (wheel,) = build_wheels(tmp_path / "wheels", folder)
    with zipfile.ZipFile(wheel) as rebuilt, zipfile.ZipFile(wheels[1]) as original:
        assert set(rebuilt.namelist()) == set(original.namelist())
        for name in original.namelist():
            assert rebuilt.read(name) == original.read(name), name


def test_the_servers_wheel_brings_its_programs(
    environment: Environment, wheels: tuple[Path, Path], tmp_path: Path
) -> None:
    """In the client's environment, as where both are wanted."""
    server = wheels[0]
    environment.install("--constraint", CONSTRAINTS, "--find-links", server.parent, f"{server}[client]")
    packages = environment.packages()
    assert packages["amira-asr"] == packages["amira-client"]
    assert {path.name for path in (environment.folder / "bin").glob("amira*")} == PROGRAMS
    assert "transcribe" in environment.run("amira", "--help", cwd=tmp_path)
    assert "Usage: amira-health" in environment.run("amira-health", "--help", cwd=tmp_path)
