"""The log level of a running service, by signal: SIGUSR1 for more detail, SIGUSR2 for less.

Signals, because only the service's own user (and root) can send them: `kill -USR1 PID`,
`docker kill -s USR1 NAME`, `kubectl exec POD -- kill -USR1 1`.
"""

from __future__ import annotations

import asyncio
import signal

from amira_core.logs import shift_level


def obey_level_signals() -> None:
    """From now on, on the running event loop: a line that is being written is finished first."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, shift_level, 1)
    loop.add_signal_handler(signal.SIGUSR2, shift_level, -1)
