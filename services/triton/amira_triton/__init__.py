"""Supervisor of a real NVIDIA Triton Inference Server: starts it, watches it, heals it."""
