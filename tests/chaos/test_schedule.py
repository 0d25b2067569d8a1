"""Schedules: the same for the same seed, and never more at once than is allowed."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.schedule import OF_ALL, ON_NETWORK, Fault, FaultKind, Plan, draw, group_of

REPLICAS = tuple(f"{kind}-{number}" for kind in ("frontend", "decoder", "triton") for number in range(2))


def plan(seed: int = 1, seconds: float = 600, **more: object) -> Plan:
    return Plan(seed=seed, seconds=seconds, **{"replicas": REPLICAS, **more})  # type: ignore[arg-type]  # as Plan's


def test_a_seed_always_gives_the_same_faults_and_another_one_others() -> None:
    assert draw(plan(seed=7)) == draw(plan(seed=7))
    assert draw(plan(seed=7)) != draw(plan(seed=8))


def test_a_schedule_as_known() -> None:
    """Seeds are quoted in reports: they must mean the same later."""
    assert list(map(str, draw(plan(seconds=40)))) == KNOWN


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000), every_s=st.floats(0.5, 20), count=st.integers(2, 3), blackouts=st.booleans()
)
def test_never_all_of_a_kind_at_once(seed: int, every_s: float, count: int, blackouts: bool) -> None:
    replicas = tuple(
        f"{kind}-{number}" for kind in ("frontend", "decoder", "triton", "gateway") for number in range(count)
    )
    faults = draw(plan(seed, 300, every_s=every_s, replicas=replicas, blackouts=blackouts))
    assert faults
    for one, other in itertools.combinations(faults, 2):
        if group_of(one.target) == group_of(other.target):
            assert one.at_s + one.seconds < other.at_s
    assert [fault.at_s for fault in faults] == sorted(fault.at_s for fault in faults)
    assert all((fault.target in replicas) == (fault.kind is not FaultKind.BLACKOUT) for fault in faults)
    assert all(0 < fault.at_s < 292 for fault in faults)  # with time left to see the end of the last one


def test_a_decoder_and_its_triton_are_one() -> None:
    assert group_of("triton-1") == group_of("decoder-0") == group_of("decoder")
    assert group_of("frontend-1") != group_of("decoder-1")


def test_every_fault_comes_before_any_comes_twice() -> None:
    faults = draw(plan(seed=3, seconds=3000))
    combinations = [(fault.kind, fault.target.rpartition("-")[0]) for fault in faults]
    distinct = set(combinations)
    assert len(distinct) == 7 + 7 + 8
    assert set(combinations[: len(distinct)]) == distinct
    assert {fault.target for fault in faults} == set(REPLICAS)


def test_blackouts_only_where_asked_for_and_shorter_than_the_bound() -> None:
    def blackouts(faults: list[Fault]) -> list[Fault]:
        return [fault for fault in faults if fault.kind is FaultKind.BLACKOUT]

    assert not blackouts(draw(plan(seconds=3000)))
    found = blackouts(draw(plan(seconds=3000, blackouts=True, longest_blackout_s=3.0)))
    assert {fault.target for fault in found} == {"frontend", "decoder"}
    assert all(0 < fault.seconds <= 3.0 for fault in found)


def test_outages_take_all_tritons_and_only_where_asked_for() -> None:
    assert not [fault for fault in draw(plan(seconds=3000)) if fault.kind in OF_ALL]
    found = [fault for fault in draw(plan(seconds=3000, outages=True)) if fault.kind is FaultKind.OUTAGE]
    assert {fault.target for fault in found} == {"triton"}
    assert all(8 <= fault.seconds <= 14 for fault in found)


def test_while_models_are_swapped_decoders_keep_their_streams() -> None:
    faults = draw(
        plan(seconds=3000, swaps=True, blackouts=True, replicas=(*REPLICAS, "gateway-0", "gateway-1"))
    )
    of_decoders = [fault for fault in faults if group_of(fault.target) == "decoder"]
    assert {(fault.kind, fault.target) for fault in of_decoders} == {(FaultKind.SWAP, "decoder")}
    assert {group_of(fault.target) for fault in faults} == {"decoder", "frontend", "gateway"}


def test_only_the_wanted_kinds() -> None:
    faults = draw(plan(kinds=frozenset({FaultKind.KILL_MODEL, FaultKind.CUT})))
    assert {fault.kind for fault in faults} == {FaultKind.KILL_MODEL, FaultKind.CUT}
    models = [fault.target for fault in faults if fault.kind is FaultKind.KILL_MODEL]
    assert all(name.startswith("triton") for name in models)


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(ValueError, match="no fault can be drawn"):
        draw(plan(kinds=frozenset({FaultKind.KILL_MODEL}), replicas=("frontend-0", "frontend-1")))
    with pytest.raises(ValueError, match="no fault can be drawn"):
        draw(plan(replicas=()))


def test_a_run_too_short_for_faults_has_none() -> None:
    assert draw(plan(seconds=5)) == []


def test_faults_that_last_say_how_long_and_slow_networks_how_slow() -> None:
    for fault in draw(plan(seconds=3000)):
        lasts = fault.kind in ON_NETWORK - {FaultKind.CUT} or fault.kind is FaultKind.PAUSE
        assert (fault.seconds > 0) == lasts
        assert (fault.bytes_per_s is not None and fault.delay_ms > 0) == (fault.kind is FaultKind.SLOW)


KNOWN = [
    "refuse triton-0 for 1.4 s",
    "slow decoder-1 for 3.3 s (60 ms, 48 kB/s)",
    "stall frontend-0 for 1.7 s",
    "kill frontend-1",
]
