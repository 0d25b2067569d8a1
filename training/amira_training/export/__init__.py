"""From a checkpoint to a model folder: ONNX graphs, int8 copies, parity checks."""
