"""How tests are shared out among processes."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.support.sharing import LONGEST, TOGETHER, place_in_line, unit


@pytest.mark.parametrize("beginning", [*TOGETHER, *LONGEST])
def test_what_is_named_is_there(beginning: str) -> None:
    assert list(ROOT.glob(f"{beginning.rstrip('/')}*"))


def test_a_folder_with_one_server_stays_together_and_others_go_by_file() -> None:
    assert unit("tests/stack/test_words.py::test_a[x::y]") == unit("tests/stack/test_abuse.py::test_b")
    assert unit("tests/client/test_audio.py::test_a[x::y]") == "tests/client/test_audio.py"


def test_what_takes_longest_begins_first() -> None:
    names = [
        "tests/client/test_audio.py::test_a",
        "tests/triton/test_tls.py::b",
        "tests/stack/test_words.py::c",
    ]
    assert sorted(names, key=place_in_line) == names[::-1]
