"""Costs: arithmetic by hand, and the price file."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.capacity.__main__ import app
from benchmarks.capacity.cost import break_even_streams, monthly_costs, stream_costs
from benchmarks.capacity.measured import read_measured
from benchmarks.capacity.prices import HostedService, Machine, Prices, read_prices

TODAY = datetime.date(2026, 11, 23)
MACHINE = Machine(name="m", date=TODAY, page="https://m.example", cores=4, usd_per_hour=0.4)
SERVICE = HostedService(name="s", date=TODAY, page="https://s.example", usd_per_minute=0.01)


def test_by_hand() -> None:
    [cost] = stream_costs([MACHINE], streams_per_core=10, filled=0.5)
    assert cost.streams == 40
    assert cost.usd_per_stream_hour == pytest.approx(0.02)
    assert cost.usd_per_minute == pytest.approx(0.02 / 60)
    assert break_even_streams(cost, SERVICE) == pytest.approx(0.4 / 0.6)


def test_a_month_by_hand() -> None:
    prices = Prices(machines=[MACHINE], services=[SERVICE])
    # 40 places, of which 20 are in use: 14,600 hours a month on each machine
    for hours, machines in ((1, 1), (14_600, 1), (14_601, 2), (146_000, 10)):
        own, hosted = monthly_costs(prices, hours, streams_per_core=10, filled=0.5, other_usd=1000)
        assert own.machines == machines
        assert own.usd == pytest.approx(machines * 0.4 * 730 + 1000)
        assert hosted.usd == pytest.approx(hours * 0.6)
        assert hosted.machines is None


@pytest.mark.parametrize(("hours", "other_usd"), [(-1.0, 0.0), (1.0, -1.0)])
def test_a_month_that_cannot_be(hours: float, other_usd: float) -> None:
    with pytest.raises(ValueError, match="below 0"):
        monthly_costs(Prices(machines=[MACHINE], services=[]), hours, 10, 0.5, other_usd)


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


def test_without_figures_of_ones_own_the_measured_ones_are_taken(tmp_path: Path) -> None:
    command = ["cost", "--hours", "100000", "--other-usd", "250"]
    result = CliRunner().invoke(app, [*command, "--results", str(tmp_path)])
    assert result.exit_code == 0, result.output
    per_core = read_measured().streams_per_core
    assert f"{per_core:g} streams per core" in result.output
    for each in monthly_costs(read_prices(), 100_000, per_core, 0.6, 250):
        assert f"{each.usd:,.0f}" in result.output, each


def test_a_calculation_is_not_kept_unless_asked_for() -> None:
    kept = Path(__file__).resolve().parents[3] / "benchmarks" / "results" / "cost.json"
    before = kept.read_bytes()
    assert CliRunner().invoke(app, ["cost", "--streams-per-core", "20"]).exit_code == 0
    assert kept.read_bytes() == before


def test_a_fleet_of_measured_pods(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["fleet", "--streams", "300", "--results", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert f"{read_measured().streams} streams a pod" in result.output
    assert "a zone of three lost" in result.output
    assert (tmp_path / "fleet.json").is_file()
