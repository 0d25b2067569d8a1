"""A model by the language that it understands."""

from __future__ import annotations

from amira_client import GetCapabilitiesResponse


class NoSuchLanguageError(Exception):
    """The server has no model for it; the message names those that it has."""


def model_for(capabilities: GetCapabilitiesResponse, language: str, model: str = "") -> str:
    """The first model of `language`, a BCP-47 tag: `en` stands for `en-GB`, and `en-GB` makes do with `en`.

    Args:
        capabilities: of the server.
        language: what is spoken.
        model: one that was named besides; it must be of that language.

    Raises:
        NoSuchLanguageError: there is none.
    """
    wanted = language.lower().replace("_", "-")
    candidates = [offered for offered in capabilities.models if model in ("", offered.name)]
    by_code = {offered.language_code.lower(): offered.name for offered in reversed(candidates)}
    kin = {code.partition("-")[0]: name for code, name in by_code.items()}
    for found in (by_code.get(wanted), kin.get(wanted), by_code.get(wanted.partition("-")[0])):
        if found:
            return found
    offers = ", ".join(f"{offered.name} ({offered.language_code or '?'})" for offered in capabilities.models)
    raise NoSuchLanguageError(f"The server has no model for {language!r}. It has: {offers or 'none'}.")
