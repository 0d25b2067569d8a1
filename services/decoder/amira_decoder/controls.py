"""What can happen to a stream between two frames."""

from __future__ import annotations

from dataclasses import dataclass

from amira_decoder.results.endpoint import EndpointRules
from amira_decoder.search.hotwords import HotwordAutomaton


@dataclass(frozen=True, slots=True)
class Flush:
    """Decode everything so far, padded with silence, and finish the segment."""


@dataclass(frozen=True, slots=True)
class End:
    """As Flush, and nothing follows."""


@dataclass(frozen=True, slots=True)
class MarkPassed:
    """Say so when everything so far is decoded."""

    mark_id: str


@dataclass(frozen=True, slots=True)
class Update:
    """New settings; None leaves one as it is."""

    endpoint: EndpointRules | None = None
    interim_results: bool | None = None
    replace_hotwords: bool = False
    hotwords: HotwordAutomaton | None = None


Control = Flush | End | MarkPassed | Update
