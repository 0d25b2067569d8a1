"""Which model a client means that was written for another server."""

from __future__ import annotations

from collections.abc import Sequence

from amira_core import errors
from amira_gateway.adapters.models import Choice, choose
from amira_gateway.web.entrance import Entrance


async def choose_model(
    entrance: Entrance, name: str, languages: Sequence[str], theirs: tuple[str, ...]
) -> Choice:
    """The model of this name; for names that begin with one of `theirs` the first that fits a language.

    Programs have the names of their vendor's models built in: these mean the server's default.

    Raises:
        UnknownModelError: no such model.
        InvalidSettingError: no such language.
    """
    models = (await entrance.speech.capabilities.get()).models
    wanted = "" if name.lower().startswith(theirs) else name
    refused: errors.InvalidSettingError | None = None
    for language in languages or ("",):
        try:
            return choose(models, wanted, language, strict=True)
        except errors.InvalidSettingError as error:
            refused = error
    assert refused is not None
    raise refused
