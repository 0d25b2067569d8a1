"""The models that one tritonserver has loaded: the current one, and those that running streams still use.

Triton's own versions of a model are not used for this: it loads all of them anew when their config
changes, and with them the states of every stream would go. A new version is loaded under a name of its
own instead, from the same files with another ``model_dir``, in a process of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

from amira_encoder import wire


@dataclass(eq=False)
class LoadedModel:
    """One model in Triton."""

    name: str
    """Under which Triton has it."""
    folder: Path
    """The model folder, links resolved."""
    fingerprint: str
    superseded_at: float | None = None
    """Monotonic time since when new streams use another one; it is unloaded once nobody needs it."""


@dataclass
class Models:
    """All models of one tritonserver; the current one is the last."""

    loaded: list[LoadedModel] = field(default_factory=list)

    @property
    def current(self) -> LoadedModel:
        """The one for new streams."""
        return self.loaded[-1]

    def find(self, fingerprint: str) -> LoadedModel | None:
        """The loaded model that runs this graph."""
        return next((model for model in self.loaded if model.fingerprint == fingerprint), None)

    def make_current(self, model: LoadedModel) -> None:
        """New streams use `model` from now on."""
        if model in self.loaded:
            self.loaded.remove(model)
        for other in self.loaded:
            other.superseded_at = other.superseded_at or time.monotonic()
        model.superseded_at = None
        self.loaded.append(model)

    def forget(self, model: LoadedModel) -> None:
        """It has been unloaded."""
        self.loaded.remove(model)


def overrides(model: LoadedModel, repository: Path) -> tuple[str, dict[str, bytes]]:
    """What Triton must be given to load a model that is no folder of its repository: config and files."""
    source = repository / wire.MODEL_NAME
    config = model_config_pb2.ModelConfig()
    text_format.Parse((source / "config.pbtxt").read_text(), config)
    config.name = model.name
    config.parameters["model_dir"].string_value = str(model.folder)
    files = {"file:1/model.py": (source / "1" / "model.py").read_bytes()}
    return json_format.MessageToJson(config, preserving_proto_field_name=True), files
