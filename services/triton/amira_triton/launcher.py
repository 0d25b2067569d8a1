"""One tritonserver process: its command line, its start, its end."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from contextlib import suppress
from pathlib import Path

import structlog

from amira_core.rpc.server import cancel_and_wait
from amira_core.tied import tied
from amira_encoder import wire
from amira_encoder.options import EncoderOptions
from amira_triton import shared_memory
from amira_triton.addresses import require_free, split_address
from amira_triton.layout import TritonLayout
from amira_triton.server_log import ServerLog
from amira_triton.settings import TritonSettings
from amira_triton.stub_process import find_stubs, wait_for_exit
from amira_triton.traces import trace_flags

_log = structlog.get_logger(__name__)
_AFTER_UNLOAD_S = 2.5  # an idle server needs up to 2 s from its stub's end to its own
_ADMIN_APIS = "model-repository,shared-memory,trace,logging"


class TritonServer:
    """A tritonserver that dies with this process, whatever this process dies of."""

    def __init__(self, layout: TritonLayout, settings: TritonSettings, model_dir: Path) -> None:
        self._layout = layout
        self._settings = settings
        self._model_dir = model_dir
        self._process: asyncio.subprocess.Process | None = None
        self._forwarding: asyncio.Task[None] | None = None
        self.log = ServerLog()
        self.admin_key = secrets.token_urlsafe(16)
        """What calls to the restricted APIs (loading and unloading) must carry."""

    @property
    def pid(self) -> int:
        """The server's process id. Raises RuntimeError before the start."""
        return self._started().pid

    async def start(self) -> None:
        """Launches the server and returns at once.

        Raises:
            AddressInUseError: one of its three ports is taken.
        """
        settings = self._settings
        require_free(settings.grpc_address, "AMIRA_TRITON_GRPC_ADDRESS")
        require_free(settings.http_address, "AMIRA_TRITON_HTTP_ADDRESS")
        require_free(settings.metrics_address, "AMIRA_TRITON_METRICS_ADDRESS")
        self._process = await asyncio.create_subprocess_exec(
            *tied(signal.SIGKILL, str(self._layout.binary), *self._flags()),
            env={**os.environ, **self._layout.environment, **self._options().to_environment()},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # A group of its own: Ctrl-C reaches the supervisor alone, and stubs can be ended with it.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._forwarding = asyncio.create_task(self.log.forward(self._process.stdout), name="triton-log")
        _log.info("triton_started", pid=self._process.pid, grpc=settings.grpc_address)

    async def wait(self) -> int:
        """Waits for the server's end; returns its exit status (negative: the signal it died of)."""
        return await self._started().wait()

    async def stop(self) -> None:
        """Ends the server and its stub: asks, waits for `stop_timeout_s` and a little more, then kills."""
        if self._process is None:
            return
        if self._process.returncode is None:
            await self._terminate(self._process)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # stubs that outlived the server
        if self._forwarding is not None:
            self._forwarding.cancel()
            await asyncio.gather(self._forwarding, return_exceptions=True)
        shared_memory.remove_own()

    async def _terminate(self, process: asyncio.subprocess.Process) -> None:
        stubs = find_stubs(process.pid)
        with suppress(ProcessLookupError):
            process.terminate()
        ended = asyncio.create_task(process.wait())
        if stubs:
            unloaded = asyncio.create_task(_wait_for_exits(stubs))
            timeout_s = self._settings.stop_timeout_s
            await asyncio.wait([ended, unloaded], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            await cancel_and_wait([unloaded])
        # A server whose stub once died waits for that model for ever: with the stub gone, nothing is lost.
        await asyncio.wait([ended], timeout=_AFTER_UNLOAD_S)
        if ended.done():
            _log.info("triton_stopped", pid=process.pid, status=ended.result())
            return
        with suppress(ProcessLookupError):
            process.kill()
        _log.warning("triton_killed", pid=process.pid, status=await ended)

    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the server has not been started")
        return self._process

    def _options(self) -> EncoderOptions:
        settings = self._settings
        return EncoderOptions(
            self._model_dir,
            settings.slots,
            settings.engine,
            settings.threads,
            settings.precision,
            shared_memory.drain_file(),
        )

    def _flags(self) -> list[str]:
        settings = self._settings
        flags = []
        for name, address in (
            ("grpc", settings.grpc_address),
            ("http", settings.http_address),
            ("metrics", settings.metrics_address),
        ):
            host, port = split_address(address)
            flags += [f"--{name}-address={host}", f"--{name}-port={port}"]
        return [
            *flags,
            f"--model-repository={self._layout.model_repository}",
            f"--backend-directory={self._layout.backends}",
            # Only what is named is loaded, and a dead model can be unloaded and loaded again.
            "--model-control-mode=explicit",
            f"--load-model={wire.MODEL_NAME}",
            # Otherwise a new model that was refused would make the server not ready for good.
            "--strict-readiness=false",
            # Auto-completion would start every model twice: 1.2 s of each load.
            "--disable-auto-complete-config",
            f"--exit-timeout-secs={max(1, int(settings.stop_timeout_s))}",
            "--allow-gpu-metrics=false",
            "--metrics-config=summary_latencies=true",
            f"--backend-config=python,shm-region-prefix-name={shared_memory.region_prefix()}",
            # Clients of the decoder's network must not unload models or map memory.
            f"--grpc-restricted-protocol={_ADMIN_APIS}:admin-key={self.admin_key}",
            f"--http-restricted-api={_ADMIN_APIS}:admin-key={self.admin_key}",
            *_tls(settings),
            *trace_flags(settings.otlp_http_endpoint),
        ]


async def _wait_for_exits(processes: list[int]) -> None:
    for process in processes:
        await wait_for_exit(process)


def _tls(settings: TritonSettings) -> list[str]:
    """Flags for TLS on the gRPC port. Triton reads the files once: a renewed certificate needs a restart."""
    if not settings.tls_cert:
        return []
    flags = [
        "--grpc-use-ssl=true",
        f"--grpc-server-cert={settings.tls_cert}",
        f"--grpc-server-key={settings.tls_key}",
    ]
    if settings.tls_client_ca:
        flags += ["--grpc-use-ssl-mutual=true", f"--grpc-root-cert={settings.tls_client_ca}"]
    return flags
