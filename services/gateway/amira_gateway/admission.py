"""How many streams are served at once, and which: the rest is refused before it costs anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from amira_core import errors
from amira_gateway.session.session import Session


class Admission:
    """Counts the sessions of this gateway, and the calls that have yet to say what they want."""

    def __init__(self, max_streams: int) -> None:
        self.max_streams = max_streams
        self._sessions: set[Session] = set()
        self._opening = 0
        self._draining: errors.DrainingError | None = None

    def __len__(self) -> int:
        return len(self._sessions) + self._opening

    @property
    def streams(self) -> int:
        """Sessions that hold a place."""
        return len(self._sessions)

    @property
    def draining(self) -> bool:
        """Whether no more sessions are let in."""
        return self._draining is not None

    def check(self) -> None:
        """Raises NoCapacityError when every place is taken, DrainingError once draining has begun."""
        if self._draining is not None:
            raise self._draining
        if len(self._sessions) >= self.max_streams:
            raise self._full()

    @contextmanager
    def opening(self, may_resume: bool) -> Iterator[None]:
        """Holds a call whose first message has yet to come.

        `may_resume`: it may turn out to need no place, since its session has one. Raises as :meth:`check`.
        """
        if not may_resume:
            self.check()
            if len(self._sessions) + self._opening >= self.max_streams:
                raise self._full()
        elif self._opening >= self.max_streams:
            raise self._full()
        self._opening += 1
        try:
            yield
        finally:
            self._opening -= 1

    def add(self, session: Session) -> None:
        """Gives a session a place. Raises as :meth:`check`."""
        self.check()
        self._sessions.add(session)

    def discard(self, session: Session) -> None:
        """A session has ended."""
        self._sessions.discard(session)

    def drain(self, error: errors.DrainingError, time_left_s: float) -> None:
        """Refuses new sessions with `error`; tells the running ones how long they may go on."""
        self._draining = error
        for session in tuple(self._sessions):
            session.drain(time_left_s)

    def end_all(self, error: errors.DrainingError) -> None:
        """Ends every session with `error`, each after what waits for its client."""
        for session in tuple(self._sessions):
            session.fail(error)

    def _full(self) -> errors.NoCapacityError:
        return errors.NoCapacityError(
            f"All {self.max_streams} streams of this server are in use: try again later."
        )
