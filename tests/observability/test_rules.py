"""Recording and alert rules: valid, tested, of metrics that exist, each with a page that says what to do."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from tests.conftest import ROOT
from tests.observability.rules import FOLDER, check_expression, rules
from tests.support.prometheus import program

RECORDED = rules(FOLDER / "recording.yml")
ALERTS = rules(FOLDER / "alerts.yml")
NAMES = {rule["record"] for rule in RECORDED}
TESTS = sorted((FOLDER / "tests").glob("*.yml"))


@pytest.mark.parametrize("file", ["recording.yml", "alerts.yml"])
def test_promtool_accepts_them(file: str) -> None:
    done = subprocess.run(
        [program("promtool"), "check", "rules", "--lint-fatal", str(FOLDER / file)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_is_valid() -> None:
    done = subprocess.run(
        [program("promtool"), "check", "config", str(FOLDER / "prometheus.yml")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_alerts_fire_when_they_should(file) -> None:  # type: ignore[no-untyped-def]
    done = subprocess.run([program("promtool"), "test", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", [*RECORDED, *ALERTS], ids=lambda rule: rule.get("record") or rule["alert"])
def test_every_metric_exists(rule: dict[str, str]) -> None:
    check_expression(rule["expr"], NAMES)


def test_a_metric_that_does_not_exist_would_be_found() -> None:
    for expression in (
        "rate(amira_gateway_stremas_total[5m])",
        'amira_decoder_stage_seconds_count{stage="serach"}',
        'amira_gateway_streams_active{tenant="x"}',
        'amira_gateway_result_latency_seconds_bucket{le="0.33"}',
    ):
        with pytest.raises(AssertionError):
            check_expression(expression, NAMES)


def test_every_alert_is_tested_both_ways() -> None:
    fires: dict[str, set[bool]] = {}
    for file in TESTS:
        for case in yaml.safe_load(file.read_text())["tests"]:
            for check in case["alert_rule_test"]:
                fires.setdefault(check["alertname"], set()).add(bool(check.get("exp_alerts")))
    assert fires == {rule["alert"]: {True, False} for rule in ALERTS}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    page = (ROOT / "docs" / "OPERATIONS.md").read_text()
    headings = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    assert headings == [rule["alert"] for rule in ALERTS]
    for rule in ALERTS:
        assert rule["annotations"]["runbook"] == f"docs/OPERATIONS.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")
    for link in re.findall(r"\]\(#(\w+)\)", page):
        assert link in {heading.lower() for heading in headings}
