"""One stream from a microphone, until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from amira_client import (
    AmiraClient,
    Microphone,
    MicrophoneError,
    Overrun,
    RecognitionConfig,
    RecognitionStream,
    ServerError,
    StreamingRecognizeResponse,
    StreamingResult,
    StreamStateError,
    StreamWarning,
)
from amira_core.subtitles import seconds
from amira_local.mic.onward import Onward
from amira_local.mic.screen import MicView
from amira_local.mic.status import Status

_REFRESH_S = 0.1
_ASK_S = 1.0
_ASK = "amira-mic"
_TOO_LONG = "STREAM_TOO_LONG"


class Listening:
    """:meth:`run` shows what is said; :meth:`stop` ends it properly."""

    def __init__(
        self,
        client: AmiraClient,
        microphone: Microphone,
        status: Status,
        view: MicView,
        on_result: Callable[[StreamingResult], None],
    ) -> None:
        """`on_result`: gets all results, interims too."""
        self._client = client
        self._microphone = microphone
        self._status = status
        self._view = view
        self._on_result = on_result
        self._failure: MicrophoneError | None = None

    async def run(self, config: RecognitionConfig) -> None:
        """Returns when all that was heard is said.

        Raises:
            MicrophoneError: the microphone failed; what was heard before is said.
            ServerError: the server refused the stream, or was lost for good.
        """
        described = self._microphone.describe(config)
        onward, rest = Onward(described.sample_rate_hz), list[bytes]()
        while True:
            try:
                await self._serve(described, onward, rest)
                break
            except ServerError as error:
                if error.reason != _TOO_LONG or not onward.progressed:
                    raise
                rest = onward.next_stream()
        if self._failure is not None:
            raise self._failure

    async def _serve(self, config: RecognitionConfig, onward: Onward, rest: list[bytes]) -> None:
        """One stream, which begins with `rest`."""
        async with self._client.stream(config) as stream:
            try:
                async with asyncio.TaskGroup() as tasks:
                    beside = [
                        tasks.create_task(run, name=f"amira-mic-{name}")
                        for name, run in (
                            ("send", self._send(stream, onward, rest)),
                            ("ask", self._ask_for_answers(stream)),
                            ("show", self._show()),
                        )
                    ]
                    async for response in stream:
                        self._hear(response, onward)
                    for task in beside:
                        task.cancel()
            except ExceptionGroup as group:
                raise group.exceptions[0] from None

    async def stop(self) -> None:
        """Listens no more; :meth:`run` returns after the last final."""
        self._status.ending = True
        await asyncio.to_thread(self._microphone.stop)

    def overrun(self, overrun: Overrun) -> None:
        """For the microphone: sound was lost."""
        lost = "Some sound" if overrun.lost_s is None else f"{overrun.lost_s:.1f} s of sound"
        self._view.say(f"{lost} was lost at {overrun.at_s:.1f} s.")

    async def _send(self, stream: RecognitionStream, onward: Onward, rest: list[bytes]) -> None:
        try:
            for piece in rest:
                await stream.send(piece)
            async for piece in self._microphone:
                onward.sent(piece)
                await stream.send(piece)
        except MicrophoneError as error:
            self._failure = error
        except ServerError:
            return  # the reading side says so
        self._status.ending = True
        try:
            await stream.end()
        except ServerError:
            return

    async def _ask_for_answers(self, stream: RecognitionStream) -> None:
        """Has the server answer in silence, too: a mark comes back once all before it is decoded."""
        while True:
            try:
                await stream.mark(_ASK)
            except (ServerError, StreamStateError):
                return
            await asyncio.sleep(_ASK_S)

    async def _show(self) -> None:
        while True:
            self._view.refresh(self._microphone.taken_s + self._microphone.waiting_s)
            await asyncio.sleep(_REFRESH_S)

    def _hear(self, response: StreamingRecognizeResponse, onward: Onward) -> None:
        self._status.answered()
        onward.heard(response)
        self._status.degraded = response.degraded
        if response.HasField("result"):
            self._take(onward.placed(response.result))
        elif response.HasField("warning") and response.warning.kind != StreamWarning.Kind.KIND_MAX_STREAM:
            kind = StreamWarning.Kind.Name(response.warning.kind).removeprefix("KIND_")
            left_s = seconds(response.warning.time_left)
            self._view.say(f"The server warns that it will end the stream in {left_s:g} s ({kind}).")

    def _take(self, result: StreamingResult) -> None:
        latencies = self._status.latencies
        if result.is_final:
            latencies.finals_s.append(self._microphone.age_s(_end_of_words_s(result)))
            self._status.open_segment = None
            self._view.final(result)
        else:
            latencies.words_s.append(self._microphone.age_s(seconds(result.audio_processed)))
            self._status.open_segment = result
        self._on_result(result)
        self._view.refresh(self._microphone.taken_s + self._microphone.waiting_s)


def _end_of_words_s(result: StreamingResult) -> float:
    words = result.alternatives[0].words if result.alternatives else ()
    return seconds(words[-1].end if words else result.audio_processed)
