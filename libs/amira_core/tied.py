"""Child processes that the kernel ends when their parent dies, however the parent dies (Linux).

The child first runs this file as a script, ties itself to its parent and then becomes the program it
is for. A script because the alternative, Python between fork and exec (``preexec_fn``), can deadlock in
a parent that has threads, as everything with gRPC does.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tied(end_signal: signal.Signals, *command: str) -> list[str]:
    """The command that runs `command` (an absolute path and its arguments) tied to this process.

    Args:
        end_signal: what the child gets when this process is gone.
        command: the program and its arguments.
    """
    script = [sys.executable, "-I", "-S", os.path.abspath(__file__)]
    return [*script, str(int(end_signal)), str(os.getpid()), *command]


def main() -> None:
    """Ties this process to its parent and becomes the program: ``tied.py SIGNAL PARENT_PID PROGRAM ...``."""
    end_signal, parent_pid, *command = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, end_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
        if os.getppid() != parent_pid:
            sys.exit("the parent died before its child was tied to it")
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
