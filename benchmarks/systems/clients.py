"""The clients by name, as the load process makes them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from benchmarks.systems.base import Client

_CLIENTS: Mapping[str, tuple[str, str]] = {
    "amira": ("benchmarks.systems.amira", "AmiraSpeech"),
    "sherpa": ("benchmarks.systems.sherpa", "SherpaSpeech"),
    "deepgram": ("benchmarks.systems.deepgram", "DeepgramSpeech"),
    "riva": ("benchmarks.systems.riva", "RivaSpeech"),
    "google": ("benchmarks.systems.google", "GoogleSpeech"),
}


def make_client(name: str, options: Mapping[str, Any]) -> Client:
    """A client by name; only its own module is imported. Raises KeyError for an unknown name."""
    module, kind = _CLIENTS[name]
    return cast(Client, getattr(import_module(module), kind)(**options))
