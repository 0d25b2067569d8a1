"""What a run prints: what is wrong is wrong, and what was logged is what was done."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from chaos.report import suffix, summary
from chaos.run import Outcome
from chaos.schedule import Plan
from chaos.verdict import judge
from tests.chaos.made_up import SCRIPT, good_stream, recording

PLAN = Plan(seed=1, seconds=20)
CLEAN = Outcome(
    verdicts=[judge(SCRIPT, recording(good_stream()), recording(good_stream()))],
    injected=[],
    recoveries=[],
    leaks=[],
    deaths={},
)


def test_errors_in_logs_are_told_and_are_not_what_is_wrong() -> None:
    logged = replace(CLEAN, error_events=Counter({"triton-0: triton_lost": 2}))
    assert logged.clean
    text = summary(logged, PLAN)
    assert "What is wrong" not in text
    assert "### Errors that the services logged" in text
    assert "- triton-0: triton_lost (2)" in text
    assert "Errors" not in summary(CLEAN, PLAN)


def test_what_is_wrong_is_said() -> None:
    doubled = [*good_stream()[:6], good_stream()[5], *good_stream()[6:]]
    verdict = judge(SCRIPT, recording(good_stream()), recording(doubled))
    wrong = replace(CLEAN, verdicts=[verdict], leaks=["decoder-0: 1 slots held"])
    assert not wrong.clean
    section = summary(wrong, PLAN).partition("### What is wrong")[2]
    assert "doubled" in section
    assert "slots: decoder-0: 1 slots held" in section


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (PLAN, ""),
        (replace(PLAN, replicas=("decoder-0", "gateway-1")), "-gateways"),
        (replace(PLAN, replicas=("gateway-0",), swaps=True), "-gateways-swaps"),
        (replace(PLAN, outages=True), "-outages"),
    ],
)
def test_a_run_of_another_kind_has_a_file_of_its_own(plan: Plan, expected: str) -> None:
    assert suffix(plan) == expected
