"""Starts a service so that it cannot outlive the stack: a script, run by its path.

    python launcher.py PARENT_PID MODULE

Asks the kernel to kill this process when its parent dies, however that happens, and then becomes
``python -m MODULE``. A program of its own because the stack's process holds gRPC's threads, where
running Python between fork and exec (``preexec_fn``) can deadlock.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Replaces this process by the service."""
    parent_pid, module = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        # SIGTERM, so that the Triton supervisor can still stop tritonserver.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent_pid:
            sys.exit(1)  # the parent died before the kernel knew
    os.execv(sys.executable, [sys.executable, "-m", module])  # noqa: S606 - the same Python, no shell


if __name__ == "__main__":
    main()
