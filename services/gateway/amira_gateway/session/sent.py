"""The latest responses of a session, in case its client has not got them."""

from __future__ import annotations

from collections import deque

from amira.asr.v1 import speech_pb2
from amira_core import errors

MOST_BYTES = 256 * 1024
"""More than grpc holds of a stream on its way (its window and its write buffer, 64 KiB each)."""


class SentResponses:
    """Numbers responses from 1 and keeps the newest."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """`most_bytes` bounds what is kept; 0: nothing."""
        self._most_bytes = most_bytes
        self._kept: deque[tuple[speech_pb2.StreamingRecognizeResponse, int]] = deque()
        self._bytes = 0
        self._sequence = 0

    def append(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        """Numbers a response that is about to be sent for the first time."""
        self._sequence += 1
        response.sequence = self._sequence
        size = response.ByteSize() if self._most_bytes else 0
        if size > self._most_bytes or not self._most_bytes:
            self._kept.clear()
            self._bytes = 0
            return
        self._kept.append((response, size))
        self._bytes += size
        while self._bytes > self._most_bytes:
            self._bytes -= self._kept.popleft()[1]

    def after(self, sequence: int) -> list[speech_pb2.StreamingRecognizeResponse]:
        """What came after a response. Raises SessionLostError where that is not kept, or never was sent."""
        oldest = self._sequence - len(self._kept)
        if not oldest <= sequence <= self._sequence:
            raise errors.SessionLostError(
                f"The responses after number {sequence} are not kept: begin again with `config` and the last "
                "resume_point."
            )
        return [response for response, _ in self._kept if response.sequence > sequence]
