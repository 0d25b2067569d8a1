"""Each service without root, home and file system to write to, and what it needs in place of that."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from amira_client import AmiraClient
from amira_local.demo import DEMO_CLIP
from amira_local.health import wait_until_serving
from amira_local.ports import free_ports
from amira_local.request import recognition_config
from amira_triton.layout import prepare_layout
from tests.conftest import MODEL
from tests.support.sandbox import ROOT, bare_environment, sandboxed, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


class Program:
    """One service in a sandbox."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def output(self) -> str:
        return self._log.read_text()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def run(
    service: str,
    folder: Path,
    settings: dict[str, str],
    *,
    shared_memory: bool = False,
    writable_tmp: bool = False,
) -> Iterator[Program]:
    prefix = f"AMIRA_{service.upper()}_"
    command = sandboxed(
        sys.executable, "-m", f"amira_{service}",
        staging=folder / f"{service}-staging", shared_memory=shared_memory, writable_tmp=writable_tmp,
        needed=(folder,),
    )  # fmt: skip
    log = folder / f"{service}.log"
    environment = bare_environment({prefix + name: value for name, value in settings.items()})
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Program(process, log)
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.timeout(600)  # each service compiles its kernels anew, as it can keep them nowhere
async def test_a_stream_through_services_that_can_write_nowhere(folder: Path) -> None:
    frontend, decoder, gateway = (f"127.0.0.1:{port}" for port in free_ports(3))
    settings = {
        "frontend": {"LISTEN": frontend},
        "decoder": {
            "LISTEN": decoder, "ENCODER": "in_process", "MODEL_DIR": str(MODEL), "IN_PROCESS_THREADS": "1",
        },
        "gateway": {"LISTEN": gateway, "FRONTEND_TARGET": frontend, "DECODER_TARGET": decoder},
    }  # fmt: skip
    with ExitStack() as held:
        programs = [held.enter_context(run(name, folder, each)) for name, each in settings.items()]
        await wait_until_serving(gateway)
        async with AmiraClient(gateway) as client:
            transcript = await client.transcribe(DEMO_CLIP, recognition_config())
        assert len(transcript.text.split()) > 10
        for program in reversed(programs):
            assert program.stop() == 0, program.output
            assert "Traceback" not in program.output


@pytest.fixture
def folder() -> Iterator[Path]:
    """Which anybody may look into, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


@pytest.fixture
def triton(folder: Path) -> dict[str, str]:
    """Settings of a Triton that was put together beforehand, as in an image."""
    grpc, http, metrics = (f"127.0.0.1:{port}" for port in free_ports(3))
    prepare_layout(folder / "triton", ROOT / "deploy" / "triton")
    return {
        "GRPC_ADDRESS": grpc, "HTTP_ADDRESS": http, "METRICS_ADDRESS": metrics,
        "CACHE_DIR": str(folder / "triton"), "MODEL_DIR": str(MODEL), "SLOTS": "4", "ENGINE": "onnxruntime",
    }  # fmt: skip


async def test_triton_with_temporary_files_and_shared_memory(folder: Path, triton: dict[str, str]) -> None:
    with run("triton", folder, triton, shared_memory=True, writable_tmp=True) as program:
        async with asyncio.timeout(120):
            await wait_until_serving(triton["GRPC_ADDRESS"])
        assert program.stop() == 0, program.output


@pytest.mark.parametrize(
    ("shared_memory", "writable_tmp", "told"),
    [(False, True, "shared memory"), (True, False, "temporary directory")],
)
def test_triton_says_what_is_missing(
    folder: Path, triton: dict[str, str], shared_memory: bool, writable_tmp: bool, told: str
) -> None:
    with run("triton", folder, triton, shared_memory=shared_memory, writable_tmp=writable_tmp) as program:
        assert program.process.wait(120) == 1
        assert told in program.output
