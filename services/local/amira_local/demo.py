"""`amira demo`: the whole chain in half a minute, with evidence."""

from __future__ import annotations

import contextlib
import statistics
import textwrap
from pathlib import Path

import grpc
from rich.console import Console

from amira.asr.v1.config_pb2 import DecodingMethod
from amira.decoder.v1.decoder_pb2 import DescribeRequest
from amira.decoder.v1.decoder_pb2_grpc import DecoderStub
from amira_client import (
    AmiraClientError,
    StreamingRecognizeResponse,
    Transcript,
)
from amira_local.log_view import LogView
from amira_local.options import StackOptions
from amira_local.process_tree import ProcessInfo, descendants
from amira_local.request import recognition_config
from amira_local.result_view import ChangesView, LiveView, PlainView
from amira_local.stack import LocalStack, StackError
from amira_local.trace_view import report_trace

DEMO_LOGS = Path(".amira") / "logs"
DEMO_CLIP = Path(__file__).resolve().parents[3] / "demo" / "speech" / "sense-and-sensibility.flac"


class Listener:
    """Passes responses on to the view and remembers what is measured."""

    def __init__(self, view: PlainView) -> None:
        self._view = view
        self.interims = 0
        self.latencies_ms: list[float] = []

    def __call__(self, response: StreamingRecognizeResponse) -> None:
        """Takes the next response."""
        self._view.response(response)
        if not response.HasField("result"):
            return
        self.interims += not response.result.is_final
        if response.lag.HasField("server_latency"):
            self.latencies_ms.append(response.lag.server_latency.ToTimedelta().total_seconds() * 1000)


async def run_demo(options: StackOptions, clip: Path | None, console: Console) -> int:
    """The whole demo with a stack of its own; returns the exit status."""
    recording = clip or DEMO_CLIP
    if not recording.is_file():
        console.print(f"There is no recording at {recording}.", style="red", markup=False)
        return 1
    view = LogView(console)
    stack = LocalStack(options, on_event=view.event)
    try:
        async with stack:
            return await listen_and_report(stack, recording, console)
    except (StackError, AmiraClientError) as error:
        view.say(str(error), "error")
        view.say(f"The services' logs are in {options.log_dir}; `amira doctor` says what may be missing.")
        return 1


async def listen_and_report(stack: LocalStack, recording: Path, console: Console) -> int:
    """Streams `recording` through a running stack; returns 0 if words came while it was playing."""
    console.print(f"\nStreaming {recording.name} at the speed of speech:\n", highlight=False)
    view = LiveView(console) if console.is_terminal else ChangesView(console)
    listener = Listener(view)
    async with stack.client() as client:
        with view:
            transcript = await client.transcribe(
                recording, recognition_config(), real_time_factor=1.0, on_response=listener
            )
    _report_words(transcript, recording, console)
    _report_latency(transcript, listener, console)
    await _report_engine(stack, console)
    await report_trace(transcript.session.trace_id, stack.options.env, console)
    heard = listener.interims > 0 and bool(transcript.text)
    verdict = "It works." if heard else "No words came: something is wrong."
    console.print(f"\n{verdict}\n", style="bold green" if heard else "bold red")
    return 0 if heard else 1


def _report_words(transcript: Transcript, recording: Path, console: Console) -> None:
    reference = recording.with_suffix(".txt")
    _paragraph("Heard", transcript.text, console)
    if reference.is_file():
        _paragraph("Said", " ".join(reference.read_text().split()), console)


def _paragraph(title: str, words: str, console: Console) -> None:
    body = textwrap.fill(words, 100, initial_indent="  ", subsequent_indent="  ")
    console.print(f"\n{title}:\n{body}", highlight=False, markup=False, soft_wrap=True)


def _report_latency(transcript: Transcript, listener: Listener, console: Console) -> None:
    info = transcript.session
    console.print(
        f"\nModel {info.model}, chunks of {info.chunk_duration.ToMilliseconds()} ms, "
        f"{info.look_ahead.ToMilliseconds()} ms look-ahead; "
        f"{listener.interims} interim results, {len(transcript.finals)} finals.",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if listener.latencies_ms:
        console.print(
            "Server latency (last audio of a chunk in, its words out): "
            f"p50 {statistics.median(listener.latencies_ms):.0f} ms, max {max(listener.latencies_ms):.0f} ms "
            f"over {len(listener.latencies_ms)} results.",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    if transcript.wait_after_audio_s is not None:
        console.print(
            f"From the end of the audio to the last final: {transcript.wait_after_audio_s * 1000:.0f} ms.",
            highlight=False, soft_wrap=True,
        )  # fmt: skip


async def _report_engine(stack: LocalStack, console: Console) -> None:
    console.print(f"Search: {await default_search(stack)}.", highlight=False)
    for name, process in stack.processes.items():
        children = ", ".join(map(str, _worth_naming(descendants(process.pid))))
        started = f" runs {children}" if children else ""
        console.print(f"Process {process.pid} {name}{started}", highlight=False, soft_wrap=True)


def _worth_naming(processes: list[ProcessInfo]) -> list[ProcessInfo]:
    return [process for process in processes if process.name.startswith("triton")]


async def default_search(stack: LocalStack) -> str:
    """The search that the stack's decoder uses for streams that name none."""
    async with stack.channel("decoder") as channel:
        with contextlib.suppress(grpc.aio.AioRpcError):
            described = await DecoderStub(channel).Describe(DescribeRequest(), timeout=5)
            if described.decoding_methods:
                name = DecodingMethod.Name(described.decoding_methods[0])
                return name.removeprefix("DECODING_METHOD_").lower()
    return "unknown"
