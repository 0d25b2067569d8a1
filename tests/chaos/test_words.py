"""Every way in which words can go wrong is told from the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.words import WordChanges, compare_words

SAID = "he was not an ill disposed young man unless to be rather cold hearted and rather selfish"
TEXT = SAID.split()


def test_the_same_words_are_no_change() -> None:
    assert not compare_words(TEXT, TEXT)
    assert not compare_words([], [])


@pytest.mark.parametrize(
    ("got", "changes"),
    [
        (TEXT[:5] + TEXT[7:], WordChanges(lost=["disposed", "young"])),
        (TEXT[1:], WordChanges(lost=["he"])),
        (TEXT[:-1], WordChanges(lost=["selfish"])),
        ([], WordChanges(lost=TEXT)),
        (TEXT[:8] + TEXT[4:], WordChanges(doubled=TEXT[4:8])),
        (TEXT[:1] + TEXT, WordChanges(doubled=["he"])),
        (TEXT + TEXT[-3:], WordChanges(doubled=TEXT[-3:])),
        ([*TEXT[:3], "the", *TEXT[4:]], WordChanges(changed=["an -> the"])),
        ([*TEXT[:3], "zebra", *TEXT[3:]], WordChanges(changed=["-> zebra"])),
        ([*TEXT[:2], TEXT[3], TEXT[2], *TEXT[4:]], WordChanges(moved=["not"])),
    ],
)
def test_each_kind_of_change_is_found(got: list[str], changes: WordChanges) -> None:
    found = compare_words(TEXT, got)
    found.moved = found.moved and ["not"]  # either of two swapped words has moved
    assert found == changes


def test_a_loss_here_and_a_double_far_away_are_not_a_move() -> None:
    words = [f"w{number}" for number in range(100)]
    got = words[:5] + words[6:60] + ["w59"] + words[60:]
    assert compare_words(words, got) == WordChanges(lost=["w5"], doubled=["w59"])


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12))
def test_changes_account_for_the_difference_in_length(wanted: list[str], got: list[str]) -> None:
    changes = compare_words(wanted, got)
    assert bool(changes) == (wanted != got)
    new = [text for text in changes.changed if text.startswith("-> ")]
    assert len(got) - len(wanted) == len(changes.doubled) + len(new) - len(changes.lost)
