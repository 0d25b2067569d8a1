"""Which model a foreign request means, by its name and language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from amira.asr.v1 import config_pb2
from amira_core import errors

_ANY_LANGUAGE = ("", "auto", "multi")


@dataclass(frozen=True, slots=True)
class Choice:
    """A model.

    Attributes:
        name: for RecognitionConfig.model; empty: the server's default.
        language_code: as the client has it, or else the model's.
        name_was_known: whether the name that was asked for, if any, is one of this server's.
    """

    name: str
    language_code: str
    name_was_known: bool = True


def choose(models: Sequence[config_pb2.ModelInfo], name: str, language_code: str, *, strict: bool) -> Choice:
    """The model of this name, or else the first one that has the language.

    Args:
        models: what is served, the default first.
        name: as the client has it; empty: any.
        language_code: BCP-47; empty, ``auto`` or ``multi``: any.
        strict: whether a name that is not served is an error.

    Raises:
        UnknownModelError: no such model.
        InvalidSettingError: no such language.
    """
    named = [model for model in models if model.name == name]
    if name and not named and strict:
        raise errors.UnknownModelError(f"There is no model {name[:100]!r}: this server has {_names(models)}.")
    fitting = [model for model in named or models if _speaks(model, language_code)]
    if not fitting and models:
        raise errors.InvalidSettingError(
            f"language_code is {language_code[:35]!r}: this server has "
            f"{', '.join(sorted({model.language_code for model in named or models}))}."
        )
    if not fitting:
        return Choice("", language_code, not name)
    chosen = fitting[0]
    is_default = not named and chosen is models[0]
    said = chosen.language_code if language_code.lower() in _ANY_LANGUAGE else language_code
    return Choice("" if is_default else chosen.name, said, bool(named) or not name)


def _speaks(model: config_pb2.ModelInfo, language_code: str) -> bool:
    if language_code.lower() in _ANY_LANGUAGE or model.language_code.lower() in _ANY_LANGUAGE:
        return True
    return _primary(model.language_code) == _primary(language_code)


def _primary(language_code: str) -> str:
    return language_code.replace("_", "-").partition("-")[0].lower()


def _names(models: Iterable[config_pb2.ModelInfo]) -> str:
    return ", ".join(model.name for model in models)
