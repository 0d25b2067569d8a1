"""JSON from strangers."""

from __future__ import annotations

import base64
import sys

import pytest

from amira_gateway import untrusted_json


def depth() -> int:
    frame, count = sys._getframe(), 0
    while frame := frame.f_back:  # type: ignore[assignment] # None ends it
        count += 1
    return count


@pytest.mark.parametrize(
    "wrong", ["", "no", "[" * 100_000, '{"a":' * 100_000, "[1,]", '"\\ud800"', b"\xff", "[" * 203 + "]" * 203]
)
def test_what_is_no_json_is_refused(wrong: str | bytes) -> None:
    with pytest.raises(ValueError, match="at line 1"):
        untrusted_json.parse(wrong)


def test_brackets_cost_no_recursion() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth() + 60)
    try:
        with pytest.raises(ValueError, match="recursion limit exceeded"):
            untrusted_json.parse("[" * 100_000)
        assert untrusted_json.parse("[" * 199 + "]" * 199)
    finally:
        sys.setrecursionlimit(limit)


def test_ordinary_json_is_what_python_makes_of_it() -> None:
    assert untrusted_json.parse('{"a": [1, 2.5, "ä", null, true]}') == {"a": [1, 2.5, "ä", None, True]}
    assert untrusted_json.parse(b'"\xc3\xa4"') == "ä"


def test_a_tokens_parts_are_looked_at() -> None:
    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    untrusted_json.check_token(f"{part(b'{}')}.{part(b'{}')}.x")
    for wrong in ("", "a.b", "a.b.c.d", f"{part(b'{}')}.{part(b'[' * 3_000)}.x", "ä.ä.ä", "a.a.a"):
        with pytest.raises(ValueError, match=r"\w"):
            untrusted_json.check_token(wrong)
