"""What the search thread does with one encoded batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from amira.decoder.v1 import decoder_pb2
from amira_decoder.controls import End
from amira_decoder.job import Job
from amira_decoder.search.base import Search


@dataclass(slots=True)
class Outcome:
    """What one job brought."""

    responses: list[decoder_pb2.DecodeResponse] = field(default_factory=list)
    ended: bool = False


def search_step(jobs: Sequence[Job], frames: NDArray[np.float32]) -> list[Outcome]:
    """Decodes a batch and carries out the controls behind each chunk.

    Args:
        jobs: what the scheduler took; each stream at most once.
        frames: encoder output of the jobs that have a window, in order, float32
            [jobs with a window, output_frames, output_dim].

    Returns:
        One outcome per job.
    """
    outcomes = [Outcome() for _ in jobs]
    for (search, skipped), (indices, rows) in _groups(jobs, frames.shape[1]).items():
        trackers = [jobs[index].stream.tracker for index in indices]
        segments = [tracker.segment for tracker in trackers]
        chosen = frames if len(rows) == len(frames) else frames[rows]
        search.advance(segments, chosen[:, skipped:])
        for index, tracker, best in zip(indices, trackers, search.best(segments), strict=True):
            outcomes[index].responses += tracker.chunk_decoded(best, jobs[index].end_frame)
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.warms_up:
            job.stream.tracker.chunk_warmed_up(job.end_frame)
        for control in job.completed:
            outcome.responses += job.stream.tracker.apply(control, job.end_frame)
            outcome.ended = outcome.ended or isinstance(control, End)
        for response in outcome.responses:
            if response.HasField("resume"):
                response.resume.first_frame = job.resume_warm_up.first_frame
                response.resume.warm_up_chunks = job.resume_warm_up.chunks
    return outcomes


def _groups(jobs: Sequence[Job], output_frames: int) -> dict[tuple[Search, int], tuple[list[int], list[int]]]:
    """Jobs with something to search, by search and skipped outputs: indices of the jobs, their rows."""
    groups: dict[tuple[Search, int], tuple[list[int], list[int]]] = {}
    row = 0
    for index, job in enumerate(jobs):
        if job.window is None:
            continue
        if job.skipped_outputs < output_frames and not job.warms_up:
            key = (job.stream.tracker.search, job.skipped_outputs)
            indices, rows = groups.setdefault(key, ([], []))
            indices.append(index)
            rows.append(row)
        row += 1
    return groups
