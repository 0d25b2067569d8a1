"""``python -m tests.support.kernels`` compiles all kernels that the services use, into numba's cache.

Without it every process that starts after a change compiles them, side by side with others.
"""

from __future__ import annotations

from pathlib import Path

from amira_decoder.model import TransducerFolder
from amira_decoder.search import available_methods, create_search
from amira_encoder.options import EncoderOptions
from amira_encoder.table_loader import load_slot_table
from amira_frontend.warmup import warm_up

_MODEL = Path(__file__).resolve().parents[2] / "models" / "starter-en"

if __name__ == "__main__":
    warm_up()
    load_slot_table(EncoderOptions(_MODEL))
    for method in available_methods():
        create_search(method, TransducerFolder.open(_MODEL))
