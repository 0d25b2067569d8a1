"""Amira: gRPC through the gateway, the whole stack behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2, speech_pb2
from amira_client import AmiraClient
from amira_local.options import StackOptions
from amira_local.ports import free_ports
from amira_local.stack import LocalStack, StackError
from benchmarks.load.http2 import GrpcLine, grpc_message, opening
from benchmarks.load.wire import Line, Tape
from benchmarks.machine import processes_below
from benchmarks.systems.base import SAMPLE_RATE_HZ, Client, Reading, Server, UnavailableError, Windows, pieces

_PATH = "/amira.asr.v1.Speech/StreamingRecognize"
_KINDS = (("", ""), ("_node", " (one process)"), ("_nodes", " (two processes)"))
"""Key and title by number of nodes."""
_OF_TRITON = {"encoder_ticks": "amira_encoder_ticks", "encoder_rows": "amira_encoder_rows{"}
_OF_DECODER = {
    "encoder_ticks": "amira_decoder_batch_size_count",
    "encoder_rows": "amira_decoder_batch_size_sum",
}


class AmiraSpeech(Client):
    """Speaks amira.asr.v1, as any generated client would."""

    def __init__(
        self,
        host: str,
        port: int,
        method: str,
        window_frames: int,
        chunk_frames: int,
        delay_frames: int,
        word_times: bool = False,
    ) -> None:
        self._address = host, port
        self._opening = opening(_PATH, f"{host}:{port}")
        self._windows = Windows(window_frames, chunk_frames)
        self._ahead_frames = window_frames - chunk_frames + delay_frames
        config = config_pb2.RecognitionConfig(
            encoding=config_pb2.AUDIO_ENCODING_LINEAR16,
            sample_rate_hz=SAMPLE_RATE_HZ,
            interim_results=True,
            word_times=word_times,
            decoding_method=f"DECODING_METHOD_{method.upper()}",
        )
        self._first = grpc_message(speech_pb2.StreamingRecognizeRequest(config=config).SerializeToString())

    def messages(self, samples: NDArray[np.int16]) -> list[bytes]:
        return [
            grpc_message(
                speech_pb2.StreamingRecognizeRequest(
                    audio=speech_pb2.AudioChunk(content=piece.tobytes())
                ).SerializeToString()
            )
            for piece in pieces(samples)
        ]

    def line(self) -> Line:
        return GrpcLine(*self._address, self._opening, self._first)

    def readings(self, tape: Tape) -> Iterator[Reading]:
        before = ""
        for at_s, message in tape.arrivals:
            response = speech_pb2.StreamingRecognizeResponse.FromString(message)
            if not response.HasField("result"):
                continue
            result = response.result
            best = result.alternatives[0]
            text = f"{before} {best.text}".strip()
            if result.is_final:
                before = text
            decoded_frames = result.audio_processed.ToMilliseconds() // 10
            took = response.lag
            yield Reading(
                at_s,
                text,
                self._windows.of_frames(decoded_frames + self._ahead_frames),
                took.server_latency.ToNanoseconds() / 1e6 if took.HasField("server_latency") else None,
                tuple((word.text, word.end.ToNanoseconds() / 1e9) for word in best.words)
                if result.is_final
                else (),
            )


@dataclass
class AmiraStack:
    """One running stack, which several rows of a table share: the search is chosen per stream."""

    model_dir: Path
    slots: int = 512
    env: Mapping[str, str] = field(default_factory=dict)
    nodes: int = 0
    """Gateway, frontend and decoder as one process, and so many of them; 0: three services. Several have the
    encoder within, one has Triton beside it."""

    def __post_init__(self) -> None:
        self._users = 0
        self._stack: LocalStack | None = None
        self.metrics_address = ""
        """Where Triton's metrics are."""

    @property
    def stack(self) -> LocalStack:
        """The running stack."""
        if self._stack is None:
            raise UnavailableError("the stack is not running")
        return self._stack

    async def enter(self) -> None:
        """Starts it for the first user."""
        self._users += 1
        if self._stack is not None:
            return
        [port] = free_ports(1)
        self.metrics_address = f"127.0.0.1:{port}"
        settings = {
            "AMIRA_TRITON_SLOTS": str(self.slots),
            "AMIRA_DECODER_IN_PROCESS_SLOTS": str(self.slots),
            "AMIRA_GATEWAY_MAX_STREAMS": str(self.slots),
            "AMIRA_FRONTEND_MAX_STREAMS": str(self.slots),
            "AMIRA_TRITON_METRICS_ADDRESS": self.metrics_address,
            **self.env,
        }
        stack = LocalStack(
            StackOptions(
                model_dir=self.model_dir,
                ephemeral_ports=True,
                nodes=self.nodes,
                encoder="in_process" if self.nodes > 1 else "triton",
                log_level="warning",
                env=settings,
            )
        )
        try:
            await stack.start()
        except StackError as error:
            self._users -= 1
            raise UnavailableError(str(error)) from error
        self._stack = stack

    async def leave(self) -> None:
        """Stops it behind the last user."""
        self._users = max(0, self._users - 1)
        if self._users == 0 and self._stack is not None:
            stack, self._stack = self._stack, None
            await stack.stop()


class AmiraServer(Server):
    """Amira with one of its searches."""

    client = "amira"

    def __init__(self, stack: AmiraStack, method: str, windows: tuple[int, int, int]) -> None:
        """Args:
        stack: shared with other searches.
        method: greedy, beam or k2.
        windows: window, chunk and delay of the encoder in feature frames.
        """
        kind, title = _KINDS[min(stack.nodes, 2)]
        self.name, self.title = f"amira{kind}_{method}", f"Amira{title}, {method}"
        self._shared = stack
        self._method = method
        self._windows = windows
        self._entered = False

    async def start(self) -> None:
        await self._shared.enter()
        self._entered = True
        async with AmiraClient(self._shared.stack.gateway_target) as client:
            offered = await client.capabilities(timeout_s=60)
        wanted = config_pb2.DecodingMethod.Value(f"DECODING_METHOD_{self._method.upper()}")
        if wanted not in offered.decoding_methods:
            await self.stop()
            raise UnavailableError(f"this decoder has no search {self._method!r}")

    async def stop(self) -> None:
        if self._entered:
            self._entered = False
            await self._shared.leave()

    async def settle(self) -> None:
        """A decoder whose encoder was too slow to answer gives it up and finds it again."""
        parts = [name for name in self._shared.stack.processes if name.startswith("node")]
        for service in parts or ("decoder", "gateway"):
            with suppress(TimeoutError):
                await self._shared.stack.wait_ready(service, timeout_s=30)

    def client_options(self) -> dict[str, Any]:
        host, _, port = self._shared.stack.gateway_target.rpartition(":")
        window, chunk, delay = self._windows
        return {
            "host": host,
            "port": int(port),
            "method": self._method,
            "window_frames": window,
            "chunk_frames": chunk,
            "delay_frames": delay,
        }

    def processes(self) -> Mapping[str, Sequence[int]]:
        """Gateway, frontend, decoder (in a node: all three), Triton's server, its model process and what
        watches them."""
        found: dict[str, list[int]] = {}
        for name, process in self._shared.stack.processes.items():
            if name != "triton":
                part = "nodes" if name.startswith("node") else name
                found.setdefault(part, []).extend(processes_below(process.pid))
                continue
            for pid in processes_below(process.pid):
                found.setdefault(_triton_part(pid, process.pid), []).append(pid)
        return found

    async def counters(self) -> dict[str, float]:
        """What the encoder has done: by the model's own metrics in Triton, or by those of the nodes."""
        if self._shared.nodes > 1:
            addresses, names = [*self._shared.stack.metrics.values()], _OF_DECODER
        else:
            addresses, names = [self._shared.metrics_address], _OF_TRITON
        pages = [await asyncio.to_thread(_page, f"http://{address}/metrics") for address in addresses]
        return {key: sum(_sum(page, name) for page in pages) for key, name in names.items()}

    def settings(self) -> dict[str, Any]:
        return {**asdict(self._shared), "model_dir": self._shared.model_dir.name, "search": self._method}


def _triton_part(pid: int, supervisor: int) -> str:
    if pid == supervisor:
        return "triton supervisor"
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "triton supervisor"
    return "triton server" if name.startswith("tritonserver") else "triton model"


def _page(url: str) -> list[str]:
    with urlopen(url, timeout=5) as page:  # noqa: S310 - our own Triton on loopback
        text: str = page.read().decode()
    return text.splitlines()


def _sum(page: list[str], metric: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in page if line.startswith(metric))
