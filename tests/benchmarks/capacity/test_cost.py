"""Costs: arithmetic by hand, and the price file."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.capacity.__main__ import app
from benchmarks.capacity.cost import break_even_streams, stream_costs
from benchmarks.capacity.prices import HostedService, Machine, read_prices

TODAY = datetime.date(2026, 11, 23)
MACHINE = Machine(name="m", date=TODAY, page="https://m.example", cores=4, usd_per_hour=0.4)
SERVICE = HostedService(name="s", date=TODAY, page="https://s.example", usd_per_minute=0.01)


def test_by_hand() -> None:
    [cost] = stream_costs([MACHINE], streams_per_core=10, filled=0.5)
    assert cost.streams == 40
    assert cost.usd_per_stream_hour == pytest.approx(0.02)
    assert cost.usd_per_minute == pytest.approx(0.02 / 60)
    assert break_even_streams(cost, SERVICE) == pytest.approx(0.4 / 0.6)


@pytest.mark.parametrize(("per_core", "filled"), [(0.0, 0.5), (10.0, 0.0), (10.0, 1.1)])
def test_what_cannot_be(per_core: float, filled: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        stream_costs([MACHINE], per_core, filled)


def test_every_price_has_its_date_and_page() -> None:
    prices = read_prices()
    for priced in (*prices.machines, *prices.services):
        assert priced.page.startswith("https://")
        assert priced.date <= datetime.date.today()


def test_the_command_writes_what_it_prints(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["cost", "--streams-per-core", "20", "--results", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "AWS m7i.2xlarge" in result.output
    assert '"streams_per_core": 20.0' in (tmp_path / "cost.json").read_text()


def test_a_price_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text("machines = 3\nservices = []\n")
    result = CliRunner().invoke(app, ["cost", "--streams-per-core", "20", "--prices", str(path)])
    assert result.exit_code == 2
    assert "machines" in result.output
