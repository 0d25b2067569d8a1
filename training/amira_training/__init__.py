"""The recipe of Amira's bundled model: data, synthesis, augmentation, training, evaluation, export."""

import os

# onnxruntime's packages of 1.29 and above report models and use to their maker unless this is set before they are
# imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
