"""Transcripts as they are trained on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira_training.data.text import normalize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello,  WORLD!", "hello world"),
        ("It\u2019s a caf\u00e9\u2014really", "it's a cafe really"),
        ("well-known 'quoted' o'clock", "well known 'quoted' o'clock"),
        ("tab\tand\nbreak", "tab and break"),
        ("", None),
        (" ' -- ' ", None),
        ("chapter 12", None),
        ("Stra\u00dfe", None),
        ("\u043f\u0440\u0438\u0432\u0435\u0442 hello", None),
        ("\u0663 words", None),
    ],
)
def test_normalize(text: str, expected: str | None) -> None:
    assert normalize(text) == expected


@given(st.text())
def test_only_letters_apostrophes_and_single_spaces_come_out(text: str) -> None:
    normal = normalize(text)
    if normal is not None:
        assert set(normal) <= set("abcdefghijklmnopqrstuvwxyz' ")
        assert normal == " ".join(normal.split())
        assert normalize(normal) == normal
