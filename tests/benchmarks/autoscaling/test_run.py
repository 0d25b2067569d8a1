"""Real decoders that come and go under real speech."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.autoscaling.__main__ import rule
from benchmarks.autoscaling.run import Options, run


@pytest.mark.slow
async def test_decoders_come_and_go_and_nobody_notices(model_dir: Path) -> None:
    lines: list[str] = []
    options = Options(rule(faster=300, least=1, most=2), slots=2, streams=3)
    report = await run(options, model_dir, lines.append)
    assert report.counts == [1, 2, 1], lines
    assert [outcome.changes for outcome in report.outcomes if not outcome.is_right] == [], lines
    assert report.outcomes[0].speaker.refusals == 0
    assert report.outcomes[2].speaker.refusals > 0  # there was no slot until the second decoder came
    assert report.moves >= 1  # the third stream outlived the decoder that came for it
