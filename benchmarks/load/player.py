"""Plays a schedule against a server, and keeps what comes back with its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.load.schedule import Turn
from benchmarks.load.wire import Line, LineFactory
from benchmarks.systems.base import MESSAGE_MS

_MESSAGE_S = MESSAGE_MS / 1000


@dataclass
class Played:
    """One stream, as it went."""

    turn: Turn
    line: Line
    messages: int
    """Messages that its recording has."""
    sent: int = 0
    """Messages of them that were handed to the line."""
    late_s: list[float] = field(default_factory=list)
    """How late each message was handed over: the load client's own failing."""


class Player:
    """Begins streams and sends their messages when they are due, never waiting for the server.

    Args:
        recordings: ready-made messages of each recording.
        make_line: opens a stream.
    """

    def __init__(self, recordings: Sequence[Sequence[bytes]], make_line: LineFactory) -> None:
        self._recordings = recordings
        self._make_line = make_line
        self._loop = asyncio.get_running_loop()
        self._lag_s = 0.0
        self.streams: list[Played] = []

    async def play(self, turns: Sequence[Turn], begin_at: float, drop_at: float) -> None:
        """Runs until all streams have ended, at the latest until `drop_at`; then drops what is left.

        Args:
            turns: the schedule.
            begin_at: monotonic time of its second 0.
            drop_at: monotonic time.
        """
        self._lag_s = self._loop.time() - time.monotonic()
        for turn in turns:
            self._loop.call_at(
                begin_at + turn.begin_s + self._lag_s, self._begin, turn, begin_at + turn.begin_s
            )
        last_begin = begin_at + max(turn.begin_s for turn in turns)
        while (now := time.monotonic()) < drop_at:
            if now > last_begin + 0.5 and all(played.line.tape.outcome != "open" for played in self.streams):
                break
            await asyncio.sleep(min(0.1, drop_at - now))
        for played in self.streams:
            played.line.tape.end("unfinished")
            played.line.close()

    def _begin(self, turn: Turn, begin_at: float) -> None:
        line = self._make_line()
        played = Played(turn, line, len(self._recordings[turn.recording]))
        self.streams.append(played)
        line.open()
        self._send_later(played, begin_at)

    def _send_later(self, played: Played, begin_at: float) -> None:
        due = begin_at + (played.sent + 1) * _MESSAGE_S
        self._loop.call_at(due + self._lag_s, self._send, played, begin_at, due)

    def _send(self, played: Played, begin_at: float, due: float) -> None:
        line = played.line
        if line.tape.outcome != "open":
            return
        line.send(self._recordings[played.turn.recording][played.sent])
        played.late_s.append(time.monotonic() - due)
        played.sent += 1
        if played.sent < played.messages:
            self._send_later(played, begin_at)
        else:
            line.finish()
