"""Decoder service: features in, words out. Owns the batch, the slots and the search."""

import os

# onnxruntime's packages of 1.29 and above tell their maker about models and use, unless this is set before
# they are imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
