"""The searches: encoder frames to hypotheses."""

from amira_decoder.search.base import Method, Search, SearchOptions, Segment
from amira_decoder.search.factory import available_methods, create_search
from amira_decoder.search.hotwords import Hotword, HotwordAutomaton, HotwordLimits, hotwords_from_config
from amira_decoder.search.hypothesis import Hypothesis

__all__ = [
    "Hotword",
    "HotwordAutomaton",
    "HotwordLimits",
    "Hypothesis",
    "Method",
    "Search",
    "SearchOptions",
    "Segment",
    "available_methods",
    "create_search",
    "hotwords_from_config",
]
