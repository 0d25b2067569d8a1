"""How many streams are served at once, and which: the rest is refused before it costs anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from amira_core import errors
from amira_gateway.session.session import Session


class Admission:
    """Counts the running sessions of this gateway."""

    def __init__(self, max_streams: int) -> None:
        self._max_streams = max_streams
        self._sessions: set[Session] = set()
        self._draining: errors.DrainingError | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    def check(self) -> None:
        """Raises NoCapacityError when every place is taken, DrainingError once draining has ended."""
        if self._draining is not None:
            raise self._draining
        if len(self._sessions) >= self._max_streams:
            raise errors.NoCapacityError(
                f"All {self._max_streams} streams of this server are in use: try again later."
            )

    @contextmanager
    def place(self, session: Session) -> Iterator[None]:
        """Holds a place while a session runs. Raises as :meth:`check`."""
        self.check()
        self._sessions.add(session)
        try:
            yield
        finally:
            self._sessions.discard(session)

    def end_all(self, error: errors.DrainingError) -> None:
        """Ends every session with `error`, each after what waits for its client; no more are let in."""
        self._draining = error
        for session in tuple(self._sessions):
            session.fail(error)
