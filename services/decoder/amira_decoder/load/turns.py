"""Whose chunks go into the next batch: those that somebody is waiting for, then those that can wait.

A client that sends a recording faster than real time has as many chunks to decode as the decoder has time.
In a batch with the chunks of a live stream they would make that one wait. So while live streams are open,
such chunks only fill batches up to a size that takes a small share of a chunk's time.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from amira_decoder.frame_buffer import FRAME_MS
from amira_decoder.job import Job
from amira_decoder.load.meter import LoadMeter
from amira_decoder.stream import DecodingStream

_SHARE: Final = 0.1


def take_jobs(streams: Collection[DecodingStream], meter: LoadMeter) -> list[Job]:
    """The next step of each stream whose turn it is; empty when none has anything to do."""
    jobs = [stream.take_job() for stream in _chosen(streams, meter)]
    for job in jobs:
        if job.window is not None:
            job.stream.pace.decoded(job.stream.geometry.chunk_frames * FRAME_MS / 1000)
    return jobs


def _chosen(streams: Collection[DecodingStream], meter: LoadMeter) -> list[DecodingStream]:
    ready = [stream for stream in streams if stream.ready]
    can_wait = [stream for stream in ready if stream.pace.is_ahead]
    if not can_wait or all(stream.pace.is_ahead for stream in streams):
        return ready
    live = [stream for stream in ready if not stream.pace.is_ahead]
    room = meter.rows_within(_SHARE) - len(live)
    if not live:
        room = max(1, room)
    can_wait.sort(key=lambda stream: stream.pace.spoken_at)
    return live + can_wait[: max(0, room)]
