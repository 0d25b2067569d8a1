"""Whether the encoder in a bare Triton answers: the health check of NVIDIA's image.

Triton's own readiness stays true when the process that runs the model is dead; an empty tick goes through it.
Plain Python 3.10, as the image has it: `python3 answers.py [http://127.0.0.1:50080]`.
"""

from __future__ import annotations

import json
import sys
import urllib.request

TIMEOUT_S = 5
EMPTY_TICK = {
    "inputs": [
        {"name": name, "datatype": datatype, "shape": shape, "data": []}
        for name, datatype, shape in (
            ("FEATURES", "FP32", [0, 0, 0]),
            ("SLOTS", "INT32", [0]),
            ("GENERATIONS", "INT64", [0]),
            ("RESET", "BOOL", [0]),
        )
    ]
}


def answers(triton: str) -> str:
    """Empty when the model answers an empty tick, else what is wrong."""
    request = urllib.request.Request(  # noqa: S310 - the address is the container's own
        f"{triton}/v2/models/encoder/infer",
        json.dumps(EMPTY_TICK).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above
            return ""
    except OSError as error:  # refused, timed out, or a status of 400 and more
        return str(error)


if __name__ == "__main__":
    problem = answers(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:50080")
    sys.exit(f"the encoder does not answer: {problem}" if problem else 0)
