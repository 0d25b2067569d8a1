"""What can be wrong with an encoder before any stream runs."""

from __future__ import annotations


class EncoderModelError(ValueError):
    """The model folder or its encoder graph cannot be used; the message says why."""


class EngineUnavailableError(RuntimeError):
    """The engine that was asked for is not installed or cannot run here."""
