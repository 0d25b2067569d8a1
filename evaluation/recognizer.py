"""A model in a running stack of its own, and what it hears through the gateway."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from amira.asr.v1 import config_pb2, speech_pb2
from amira_client import AmiraClient, AmiraClientError
from amira_local.options import Encoder, StackOptions
from amira_local.stack import LocalStack
from evaluation.items import Item

# Nothing here is about time, so a busy machine must neither refuse nor end a stream.
_PATIENCE = {
    "AMIRA_DECODER_ENCODER_TIMEOUT_MS": "120000",
    "AMIRA_DECODER_TARGET_LOAD": "0",
    "AMIRA_TRITON_CANARY_TIMEOUT_MS": "120000",
    "AMIRA_GATEWAY_CLIENT_STALL_TIMEOUT_S": "600",
    "AMIRA_GATEWAY_IDLE_TIMEOUT_S": "600",
    "AMIRA_GATEWAY_MAX_LOOP_LAG_MS": "0",
    "AMIRA_GATEWAY_SERVICE_TIMEOUT_S": "600",
}


class RecognitionError(Exception):
    """The stack failed on a recording; the message says which."""


@dataclass(frozen=True)
class ModelInfo:
    """What was measured."""

    name: str
    """The model folder's name; with the encoder's, where one of several was chosen."""
    version: str
    """Changes whenever weights do (from the server)."""
    chunk_ms: int
    look_ahead_ms: int
    encoder: str
    """Engine and arithmetic, in the encoder's own words; empty where it says nothing."""
    methods: tuple[str, ...]
    """Searches that this server has: k2, beam, greedy."""
    sha256: dict[str, str]
    """Checksum of each of the model's files."""


@dataclass(frozen=True, eq=False)
class Heard:
    """What came of one item."""

    item: Item
    text: str
    """The transcript."""
    interim_words: int
    """Most words that any interim result showed, final or not; 0 where interims were not asked for."""


@dataclass(frozen=True)
class Recognizer:
    """A running model."""

    info: ModelInfo
    client: AmiraClient
    streams: int
    """Recordings recognized at once."""

    async def recognize(
        self,
        items: Sequence[Item],
        search: str,
        *,
        hotwords: config_pb2.HotwordSet | None = None,
        interims: bool = False,
    ) -> list[Heard]:
        """Streams every item as fast as the server takes it; results are in the items' order.

        Raises:
            RecognitionError: one of them failed; the others are given up.
        """
        config = config_pb2.RecognitionConfig(
            decoding_method=f"DECODING_METHOD_{search.upper()}", interim_results=interims, hotwords=hotwords
        )
        turns = asyncio.Semaphore(self.streams)
        # Long ones first, or the last of them would run alone.
        order = sorted(range(len(items)), key=lambda index: -items[index].seconds)
        heard: dict[int, Heard] = {}

        async def one(index: int) -> None:
            async with turns:
                heard[index] = await self._hear(items[index], config)

        try:
            async with asyncio.TaskGroup() as group:
                for index in order:
                    group.create_task(one(index))
        except* RecognitionError as failures:
            raise failures.exceptions[0] from None
        return [heard[index] for index in range(len(items))]

    async def _hear(self, item: Item, config: config_pb2.RecognitionConfig) -> Heard:
        most_words = 0

        def count(response: speech_pb2.StreamingRecognizeResponse) -> None:
            nonlocal most_words
            if response.HasField("result") and response.result.alternatives:
                most_words = max(most_words, len(response.result.alternatives[0].text.split()))

        source: Path | bytes
        if isinstance(item.audio, Path):
            source, chosen = item.audio, config
        else:
            source, chosen = item.audio.tobytes(), config_pb2.RecognitionConfig()
            chosen.CopyFrom(config)
            chosen.encoding = config_pb2.AUDIO_ENCODING_LINEAR16
            chosen.sample_rate_hz = item.sample_rate_hz
        try:
            transcript = await self.client.transcribe(source, chosen, on_response=count)
        except AmiraClientError as error:
            raise RecognitionError(f"{item.name}: {error}") from error
        return Heard(item, transcript.text, most_words if config.interim_results else 0)


@asynccontextmanager
async def running(
    model_dir: Path, name: str, *, streams: int, encoder: Encoder = "triton"
) -> AsyncIterator[Recognizer]:
    """Starts a stack with the model on free ports and stops it in the end.

    Raises:
        StackError: it cannot start.
    """
    engines: list[str] = []

    def on_line(service: str, line: str) -> None:
        if '"encoder ' in line or '"encoder_in_process"' in line:
            engines.append(_engine(line))

    options = StackOptions(
        model_dir=model_dir, ephemeral_ports=True, encoder=encoder, log_level="info", env=_PATIENCE
    )
    async with LocalStack(options, on_line=on_line) as stack, AmiraClient(stack.gateway_target) as client:
        offered = await client.capabilities(timeout_s=60)
        model = offered.models[0]
        info = ModelInfo(
            name=name,
            version=model.version,
            chunk_ms=model.chunk_duration.ToMilliseconds(),
            look_ahead_ms=model.look_ahead.ToMilliseconds(),
            encoder=engines[-1] if engines else "",
            methods=tuple(
                config_pb2.DecodingMethod.Name(method).rpartition("_")[2].lower()
                for method in offered.decoding_methods
            ),
            sha256=checksums(model_dir),
        )
        yield Recognizer(info, client, streams)


def checksums(model_dir: Path) -> dict[str, str]:
    """SHA-256 of every file of a model that has a part in the result."""
    files = [*model_dir.glob("*.onnx"), *model_dir.glob("tokens.txt"), *model_dir.glob("bpe.model")]
    # Under the name of the file itself: a chosen encoder is there by a link of another name.
    return {file.resolve().name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}


def _engine(line: str) -> str:
    """ "openvino int8, 2 threads" from the line in which the encoder says what it runs on."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    if entry.get("event") == "encoder_in_process":
        return f"{entry.get('engine')}, in process"
    said = str(entry.get("text", entry.get("event", "")))
    return ", ".join(said.partition(": ")[2].split(", ")[:2])
