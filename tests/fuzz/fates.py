"""A check under which one input ends the process, and another never ends."""

from __future__ import annotations

import os
import signal
import time

from fuzz.check import Outcome
from fuzz.inputs import Input, make_input

DIES, HANGS = 300, 700
_DEADLY, _ENDLESS = make_input(0, DIES), make_input(0, HANGS)


def check(item: Input) -> Outcome:
    """Stands for a codec with defects; inputs of seed 0."""
    if item == _DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    while item == _ENDLESS:
        time.sleep(1)
    return Outcome("frames", 1, 0.0, 0.0)
