"""The soak and the crowd, shortened, against a real stack with Triton."""

from __future__ import annotations

from pathlib import Path

import pytest

from amira_local.options import StackOptions
from benchmarks.recordings import DATA, pool
from soak.crowd import crowd
from soak.report import crowd_summary, summary, write
from soak.run import soak
from soak.watch import DESCRIPTORS, MEMORY, ORPHANS, PLACES, SLOTS, TASKS, THREADS

ENV = {
    "AMIRA_TRITON_SLOTS": "6",
    "AMIRA_DECODER_TARGET_LOAD": "0",
    # A machine that is busy with other tests is no defect of the stack.
    "AMIRA_GATEWAY_MAX_LOOP_LAG_MS": "0",
    "AMIRA_GATEWAY_SERVICE_TIMEOUT_S": "60",
    "AMIRA_GATEWAY_START_TIMEOUT_S": "60",
    "AMIRA_DECODER_ENCODER_TIMEOUT_MS": "30000",
    "AMIRA_TRITON_CANARY_TIMEOUT_MS": "10000",
}


@pytest.mark.slow
async def test_a_short_soak(tmp_path: Path) -> None:
    options = StackOptions(ephemeral_ports=True, search="greedy", env=ENV)
    outcome = await soak(options, pool(DATA, 3), minutes=0.4, workers=3, seed=1, say=lambda text: None)
    assert not outcome.tally.changed
    assert not outcome.tally.failures
    assert not outcome.restarts
    assert outcome.tally.words > 0
    everywhere = {MEMORY, DESCRIPTORS, THREADS, TASKS}
    wanted = {
        (service, quantity)
        for service in ("triton", "frontend", "decoder", "gateway")
        for quantity in everywhere
    }
    wanted |= {("decoder", SLOTS), ("decoder", ORPHANS), ("gateway", PLACES)}
    assert {(trend.service, trend.quantity) for trend in outcome.trends} == wanted
    held = [trend for trend in outcome.trends if trend.quantity in (SLOTS, ORPHANS, PLACES)]
    assert not [trend for trend in held if trend.grew], summary(outcome)
    assert write(tmp_path, outcome).stat().st_size > 1000


@pytest.mark.slow
async def test_a_small_crowd() -> None:
    options = StackOptions(ephemeral_ports=True, search="greedy", env=ENV)
    outcome = await crowd(
        options, pool(DATA, 10), streams=60, at_once=18, longest_s=2.5, say=lambda text: None
    )
    assert outcome.clean, crowd_summary(outcome)
    assert outcome.killed == 12
    assert outcome.refusals > 0
    assert outcome.most_slots_used <= 6
