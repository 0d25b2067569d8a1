"""Which targets are understood, and which are refused with what is wrong with them."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira_gateway.replicas.addresses import look_up, parse_targets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:50071", [("127.0.0.1:50071", False)]),
        ("decoder:1, 10.0.0.3:65535", [("decoder:1", False), ("10.0.0.3:65535", False)]),
        ("[::1]:50071,[fe80::1%eth0]:2", [("[::1]:50071", False), ("[fe80::1%eth0]:2", False)]),
        ("dns:///decoder.asr.svc.cluster.local.:50071", [("decoder.asr.svc.cluster.local.:50071", True)]),
        ("in-process:decoder,a:1", [("in-process:decoder", False), ("a:1", False)]),
        ("dns:///[::1]:7,my_decoder-1:7", [("[::1]:7", True), ("my_decoder-1:7", False)]),
    ],
)
def test_targets(text: str, expected: list[tuple[str, bool]]) -> None:
    assert [(place.target, place.looked_up) for place in parse_targets(text)] == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("a:1,", "is empty"),
        ("a:1,,b:2", "is empty"),
        ("decoder", "no port"),
        ("decoder:", "no port"),
        ("decoder:0", "no port"),
        ("decoder:65536", "no port"),
        ("decoder:+1", "no port"),
        ("decoder:\u0661", "no port"),
        ("dns:///decoder", "no port"),
        (":50071", "no host"),
        ("dns:///:50071", "no host"),
        ("dns://8.8.8.8/decoder:50071", "no host"),
        ("http://decoder:50071", "no host"),
        ("unix:/run/decoder.sock", "no port"),
        ("de coder:50071", "no host"),
        ("dns:///decoder..asr:50071", "no host"),
        (f"dns:///{'a' * 64}.asr:50071", "no host"),
        (f"dns:///{'a.' * 127}:50071", "no host"),
        ("::1:50071", "in brackets"),
        ("[::1:50071", "in brackets"),
        ("[decoder]:50071", "not an IPv6 address"),
        ("[127.0.0.1]:50071", "not an IPv6 address"),
        ("a:1,b:2,a:1", "named twice"),
        ("in-process:", "expected in-process:NAME"),
        ("in-process:a:50071", "expected in-process:NAME"),
        ("in-process:a,in-process:a", "named twice"),
    ],
)
def test_what_cannot_be_read_is_explained(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_targets(text)


@given(st.text(alphabet="a1:[],/. %-d₂\n", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        places = parse_targets(text)
    except ValueError:
        return
    for place in places:
        assert 1 <= place.port <= 65_535
        assert place.host.encode("idna")  # what a look-up does with it first
    # What was understood is understood again, as the same.
    assert parse_targets(",".join(place.target for place in places if not place.looked_up) or "a:1")


async def test_literals_are_looked_up_as_themselves() -> None:
    assert await look_up("127.0.0.1", 7) == ["127.0.0.1:7"]
    assert await look_up("::1", 7) == ["[::1]:7"]


async def test_a_name_that_nobody_has_is_an_oserror() -> None:
    with pytest.raises(socket.gaierror):
        await look_up("no-such-host.invalid", 7)
