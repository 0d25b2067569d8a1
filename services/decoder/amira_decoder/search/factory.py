"""Picks a search by name. k2 (and torch below it) is imported only when it is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from amira_decoder.model.folder import TransducerFolder
from amira_decoder.search.base import Method, Search, SearchOptions


@cache
def k2_problem() -> str | None:
    """Why k2 does not work here; None where it does."""
    try:
        import_module("amira_decoder.search.k2_search")
    except (ImportError, OSError) as error:  # OSError: torch found, but a shared library of it is not
        return str(error)
    return None


def available_methods() -> tuple[Method, ...]:
    """The methods that work here, default first: k2 where it is installed, else the beam search."""
    return ("k2", "beam", "greedy") if k2_problem() is None else ("beam", "greedy")


def create_search(method: Method, model: TransducerFolder, options: SearchOptions | None = None) -> Search:
    """Builds a search and compiles its kernels. Raises ValueError for a method that is not available here."""
    if method not in available_methods():
        raise ValueError(
            f"search {method!r} is not available here; there is {', '.join(available_methods())}"
        )
    options = options or SearchOptions()
    search: Search
    if method == "k2":
        from amira_decoder.search.k2_search import K2Search

        search = K2Search(model, options)
    elif method == "beam":
        from amira_decoder.search.beam import BeamSearch

        search = BeamSearch(model, options)
    else:
        from amira_decoder.search.greedy import GreedySearch

        search = GreedySearch(model, options)
    return search
