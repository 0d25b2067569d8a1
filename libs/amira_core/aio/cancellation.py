"""Telling a cancelled task from a cancelled call: grpc.aio raises CancelledError for both."""

from __future__ import annotations

import asyncio


def this_task_is_cancelled() -> bool:
    """Whether the running task was cancelled, and not something that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
