"""Recordings through a server, several at once."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from amira_client import (
    AmiraClient,
    AmiraClientError,
    RecognitionConfig,
    StreamingRecognizeResponse,
    StreamWarning,
    Transcript,
    UnreachableError,
)
from amira_core.subtitles import seconds
from amira_local.batch.ledger import ForeignFileError, Ledger, Stamp, stamp_of
from amira_local.batch.outcome import Outcome
from amira_local.batch.patience import CONCERNS_ALL, Patience
from amira_local.batch.targets import Job
from amira_local.batch.views import DONE_BEFORE, BatchView, name_of
from amira_local.transcripts.formats import render

_FULL_DISK = {errno.ENOSPC, errno.EDQUOT}
_AT_ONCE = 50
"""Files that one thread looks at in one go."""
_T = TypeVar("_T")


class _StopError(Exception):
    """No other recording would fare better; the message says why."""


class Batch:
    """One run over `jobs`; :meth:`run` fills `outcome`."""

    def __init__(
        self,
        client: AmiraClient,
        config: RecognitionConfig,
        jobs: Sequence[Job],
        ledger: Ledger,
        view: BatchView,
        outcome: Outcome,
        *,
        real_time: bool = False,
    ) -> None:
        self._client = client
        self._config = config
        self._jobs = jobs
        self._ledger = ledger
        self._ledger_turn = asyncio.Lock()
        self._view = view
        self._outcome = outcome
        self._real_time_factor = 1.0 if real_time else None
        self._patience = Patience()
        self._lengths_s: dict[Job, float | None] = {}
        self._said: set[str] = set()

    async def run(self, parallel: int) -> None:
        """Transcribes what is not done, at most `parallel` at once; fills the outcome."""
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        self._patience.answered()
        try:
            todo = await self._skip_done()
            waiting = iter(todo)
            async with asyncio.TaskGroup() as tasks:
                probing = tasks.create_task(self._probe(todo))
                workers = [tasks.create_task(self._work(waiting)) for _ in range(min(parallel, len(todo)))]
                await asyncio.gather(*workers)
                probing.cancel()
        except* _StopError as stops:
            self._outcome.stopped = str(stops.exceptions[0])
        finally:
            self._outcome.elapsed_s = loop.time() - begun_at

    async def _skip_done(self) -> list[Job]:
        todo = []
        for part in _parts(self._jobs):
            done = await asyncio.to_thread(_map, self._is_done, part)
            for job, is_done in zip(part, done, strict=True):
                if is_done:
                    self._outcome.done_before += 1
                    self._view.ends(job.recording, self._outcome, DONE_BEFORE)
                else:
                    todo.append(job)
        return todo

    def _is_done(self, job: Job) -> bool:
        try:
            return self._ledger.is_done(job)
        except OSError:  # it will be said when its turn comes
            return False

    async def _probe(self, jobs: Sequence[Job]) -> None:
        """Finds out how much audio there is, while some of it is transcribed already."""
        for part in _parts(jobs):
            lengths_s = await asyncio.to_thread(_map, lambda job: length_s(job.recording.path), part)
            self._lengths_s.update(zip(part, lengths_s, strict=True))
            self._view.total(self._outcome.recordings, sum(filter(None, self._lengths_s.values())))

    async def _work(self, waiting: Iterator[Job]) -> None:
        for job in waiting:
            try:
                audio_s = await self._transcribe(job)
            except Exception as error:
                # Whatever it is: a defect that one recording shows is not to cost the others.
                if stop := self._stop_because_of(error):
                    raise _StopError(stop) from error
                how = _words(error)
                self._outcome.failures.append((job.recording.path, how))
                self._lengths_s[job] = None
                self._view.ends(job.recording, self._outcome, f"failed: {how}")
            else:
                self._outcome.done += 1
                self._outcome.audio_s += audio_s
                self._view.ends(job.recording, self._outcome, "")

    async def _transcribe(self, job: Job) -> float:
        """From the file to its transcripts; returns the length in seconds."""
        path = job.recording.path
        made_of = await asyncio.to_thread(stamp_of, path)
        async with self._ledger_turn:
            await asyncio.to_thread(self._ledger.make_ready, job)
        if job not in self._lengths_s:
            self._lengths_s[job] = await asyncio.to_thread(length_s, path)
        transcript = await self._recognize(job)
        heard_s = self._lengths_s[job] or transcript.audio_s
        async with self._ledger_turn:
            await asyncio.to_thread(self._write, job, made_of, heard_s, transcript)
        return heard_s or 0.0

    def _write(self, job: Job, made_of: Stamp, audio_s: float | None, transcript: Transcript) -> None:
        contents = {
            path: render(form, job.recording.path.name, audio_s, transcript)
            for form, path in job.outputs.items()
        }
        self._ledger.commit(job, made_of, contents)

    async def _recognize(self, job: Job) -> Transcript:
        """The transcript, with as many attempts as are of use. Raises AmiraClientError."""
        attempt = 0
        while True:
            attempt += 1
            self._view.begins(job.recording, self._lengths_s[job])
            try:
                return await self._client.transcribe(
                    job.recording.path,
                    self._config,
                    real_time_factor=self._real_time_factor,
                    on_response=lambda response: self._hear(job, response),
                )
            except AmiraClientError as error:
                wait_s = self._patience.wait_s(error, attempt)
                if wait_s is None:
                    raise
                self._view.waits(job.recording, error.message)
                await asyncio.sleep(wait_s)

    def _hear(self, job: Job, response: StreamingRecognizeResponse) -> None:
        self._patience.answered()
        path = job.recording.path
        if response.HasField("result"):
            self._view.advances(job.recording, seconds(response.result.audio_processed))
        elif response.HasField("warning"):
            kind = StreamWarning.Kind.Name(response.warning.kind).removeprefix("KIND_")
            self._say_once(
                f"{name_of(path)}: the server warns that it will end the stream in "
                f"{seconds(response.warning.time_left):g} s ({kind})."
            )
        if response.degraded:
            self._say_once("The server is degraded: a small stand-in recognizes, slower than usual.")

    def _say_once(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            self._view.say(words)

    def _stop_because_of(self, error: Exception) -> str:
        if isinstance(error, UnreachableError):
            return f"{error.message} It has been gone for too long."
        if isinstance(error, AmiraClientError) and error.reason in CONCERNS_ALL:
            return error.message
        if isinstance(error, OSError) and error.errno in _FULL_DISK:
            return f"There is no room for the transcripts: {_words(error)}."
        return ""


def length_s(path: Path) -> float | None:
    """Length of a recording as its header tells; None where it does not."""
    import soundfile  # takes a while

    try:
        with path.open("rb") as file:  # soundfile itself takes no name that is not UTF-8
            return float(soundfile.info(file).duration)
    except (OSError, RuntimeError):
        return None


def _words(error: Exception) -> str:
    if not isinstance(error, AmiraClientError | ForeignFileError | OSError):
        return f"unexpected, please report it: {error!r}"
    if isinstance(error, OSError):
        return (
            f"{error.strerror or error} ({error.filename})"
            if error.filename
            else str(error.strerror or error)
        )
    return str(error)


def _parts(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    return (jobs[start : start + _AT_ONCE] for start in range(0, len(jobs), _AT_ONCE))


def _map(ask: Callable[[Job], _T], jobs: Sequence[Job]) -> list[_T]:
    return [ask(job) for job in jobs]
