"""Streams at the speed of speech, each through the Python client, and all that the server said to them.

Open loop: what is due is sent when it is due, however far behind the server is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from amira.asr.v1 import result_pb2, speech_pb2
from amira_client import AmiraClient, AmiraClientError, RecognitionStream, ServerError
from chaos.scripts import Script, Step

HUNG = "HUNG"
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Said:
    """One response."""

    at_s: float
    """From the beginning of the run."""
    response: speech_pb2.StreamingRecognizeResponse


@dataclass(frozen=True)
class Failure:
    """How a stream failed."""

    at_s: float
    status: str
    """gRPC status; HUNG when the stream did not end."""
    reason: str
    """As in docs/ERRORS.md; empty where the server gave none."""
    message: str

    def __str__(self) -> str:
        return f"{' '.join(filter(None, (self.status, self.reason)))} after {self.at_s:.1f} s: {self.message}"


@dataclass
class Recording:
    """All that one stream was told, in order."""

    name: str
    said: list[Said] = field(default_factory=list)
    failure: Failure | None = None
    resumes: bool = False
    """Whether its client may have gone from one gateway to another."""

    @property
    def results(self) -> list[tuple[float, result_pb2.StreamingResult]]:
        """(time in s, result), interim and final."""
        return [(said.at_s, said.response.result) for said in self.said if said.response.HasField("result")]

    @property
    def finals(self) -> list[result_pb2.StreamingResult]:
        """What the transcript is made of."""
        return [result for _, result in self.results if result.is_final]

    @property
    def events(self) -> list[result_pb2.SpeechEvent]:
        """Starts and ends of speech."""
        return [said.response.event for said in self.said if said.response.HasField("event")]

    @property
    def marks(self) -> list[str]:
        """Ids of the marks that were echoed."""
        return [said.response.mark.id for said in self.said if said.response.HasField("mark")]

    @property
    def sessions(self) -> list[str]:
        """Session ids; one, when all is well."""
        return [said.response.session.session_id for said in self.said if said.response.HasField("session")]

    @property
    def text(self) -> str:
        """The transcript."""
        return " ".join(final.alternatives[0].text for final in self.finals if final.alternatives)


async def play_all(
    scripts: Sequence[Script], targets: Sequence[str], *, resume: bool = False
) -> list[Recording]:
    """Runs all streams at once, spread evenly over the targets; returns when the last one has ended.

    Args:
        scripts: the streams.
        targets: gateways.
        resume: clients may go on at another target; otherwise each knows its own one only, and what is
            lost there fails the stream.
    """
    turns = [number % len(targets) for number in range(len(scripts))]
    own = [[*targets[turn:], *targets[:turn]] if resume else [targets[turn]] for turn in turns]
    return await asyncio.gather(
        *(play(script, its, resume=resume) for script, its in zip(scripts, own, strict=True))
    )


async def play(script: Script, targets: Sequence[str], *, resume: bool = False) -> Recording:
    """Runs one stream to its end, whatever that is; never raises for what the server does."""
    recording = Recording(script.name, resumes=resume)
    loop = asyncio.get_running_loop()
    began = loop.time()

    def now_s() -> float:
        return loop.time() - began

    await asyncio.sleep(script.begins_s)
    try:
        async with (
            asyncio.timeout_at(began + script.ends_s + _PATIENCE_S),
            AmiraClient(targets, resume=resume) as client,
        ):
            await _converse(client, script, recording, began)
    except AmiraClientError as error:
        status = error.status.name if error.status is not None else type(error).__name__
        recording.failure = Failure(now_s(), status, error.reason, error.message)
    except TimeoutError:
        recording.failure = Failure(now_s(), HUNG, "", f"no end came within {_PATIENCE_S:g} s")
    return recording


async def _converse(client: AmiraClient, script: Script, recording: Recording, began: float) -> None:
    loop = asyncio.get_running_loop()
    async with client.stream(script.config) as stream:
        sending = asyncio.create_task(
            _send(stream, script.steps, began + script.begins_s), name=f"send-{script.name}"
        )
        try:
            async for response in stream:
                recording.said.append(Said(loop.time() - began, response))
            await sending
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def _send(stream: RecognitionStream, steps: Sequence[Step], began: float) -> None:
    """`began`: loop time at which the stream's audio begins."""
    loop = asyncio.get_running_loop()
    try:
        for step in steps:
            await asyncio.sleep(began + step.due_s - loop.time())
            if step.audio:
                await stream.send(step.audio)
            elif step.flush:
                await stream.flush()
            else:
                await stream.mark(step.mark)
        await stream.end()
    except ServerError:
        return  # the reading side says so, after everything that came before it
