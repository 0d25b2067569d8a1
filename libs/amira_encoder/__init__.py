"""Streaming encoders run over a table of slots: numpy and an inference engine, nothing else.

Used inside Triton (``deploy/triton/encoder``) and, for development, inside the decoder. Start at
:func:`amira_encoder.table_loader.load_slot_table`. Nothing is imported here, so that those who need
only the geometry or the tensors' names (the decoder, the supervisor) load no engine.
"""

import os

# onnxruntime's packages of 1.29 and above tell their maker about models and use, unless this is set before
# they are imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
