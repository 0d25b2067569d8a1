"""The recipe of Amira's bundled model: data, synthesis, augmentation, training, evaluation, export."""

import os

# onnxruntime's packages of 1.29 and above tell their maker about models and use, unless this is set before
# they are imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
