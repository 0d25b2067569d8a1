"""What a person wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Command:
    """An intent of the grammar, with the words of its slots."""

    intent: str
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = ""
    """The sentence as the grammar spells it."""

    def words(self, slot: str) -> tuple[str, ...]:
        """A slot's words; none where it was left out."""
        return self.slots.get(slot, ())

    def phrase(self, slot: str) -> str:
        """The same as one text."""
        return " ".join(self.words(slot))
