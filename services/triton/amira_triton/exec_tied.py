"""Becomes another program that the kernel kills when its parent dies, however the parent dies.

Run as a script: ``python -I -S exec_tied.py PARENT_PID PROGRAM ARGUMENT...``. A script of its own
because the alternative, code between fork and exec, can deadlock in a parent that has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ties this process to its parent, then executes the program."""
    parent, program, *arguments = int(sys.argv[1]), *sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit("the parent died before its child was tied to it")
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
