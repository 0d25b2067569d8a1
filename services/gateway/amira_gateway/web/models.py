"""Which model a client means that was written for another server."""

from __future__ import annotations

from collections.abc import Sequence

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_gateway.adapters.models import Choice, choose
from amira_gateway.web.entrance import Entrance

Models = Sequence[config_pb2.ModelInfo]


async def models_of(entrance: Entrance) -> Models:
    """What is served, the default first. Raises DecoderLostError."""
    return (await entrance.speech.capabilities.get()).models


def choose_model(models: Models, name: str, languages: Sequence[str], theirs: tuple[str, ...]) -> Choice:
    """The model of this name; for names that begin with one of `theirs` the first that fits a language.

    Programs have the names of their vendor's models built in: these mean the server's default.

    Raises:
        UnknownModelError: no such model.
        InvalidSettingError: no such language.
    """
    wanted = "" if name.lower().startswith(theirs) else name
    refused: errors.InvalidSettingError | None = None
    for language in languages or ("",):
        try:
            return choose(models, wanted, language, strict=True)
        except errors.InvalidSettingError as error:
            refused = error
    assert refused is not None
    raise refused
