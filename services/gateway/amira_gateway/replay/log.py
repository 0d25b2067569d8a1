"""What a link asks of its log."""

from __future__ import annotations

from typing import Protocol, TypeVar

RequestT = TypeVar("RequestT")


class ReplayLog(Protocol[RequestT]):
    """Everything that another replica must be sent to stand where the present one stands.

    Entries that are done with are dropped as answers come, but not between :meth:`opening` and
    :meth:`replay` (or :meth:`unpin`): what follows an opening message must fit to it.
    """

    @property
    def replayable(self) -> bool:
        """False once more had to be kept than there is room for."""

    def append(self, request: RequestT) -> None:
        """Notes a message that is about to be sent."""

    def opening(self) -> RequestT:
        """The first message for a new replica."""

    def replay(self) -> list[RequestT]:
        """What follows the last opening message, in order."""

    def unpin(self) -> None:
        """Nothing will follow the last opening message."""
