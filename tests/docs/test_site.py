"""The documentation site builds strictly and without network, and asks nobody for anything."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from benchmarks.capacity.cost import monthly_costs, stream_costs
from benchmarks.capacity.prices import DEFAULT, read_prices
from tests.docs.pages import ROOT

NO_NETWORK = """
import runpy, socket, sys

def refused(*_arguments, **_more):
    raise OSError("the site must build without network")

socket.socket.connect = refused
socket.getaddrinfo = refused
sys.argv[0] = "mkdocs"
runpy.run_module("mkdocs", run_name="__main__")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    if not (ROOT / "mkdocs.yml").exists() or shutil.which("git") is None:
        pytest.skip("this is no checkout")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-c", NO_NETWORK, "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return folder


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?([^\"\s>]+)")
    styles = re.compile(r"<link\b[^>]*\brel=\"?(?:stylesheet|preconnect|preload)[^>]*href=\"?([^\"\s>]+)")
    pages = list(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for target in [*loaded.findall(text), *styles.findall(text)]:
            assert not urlsplit(target).scheme, (page.name, target)
            assert not target.startswith("//"), (page.name, target)
        assert "mermaid" not in text, page.name  # the theme would fetch it


def test_its_links_lead_somewhere(site: Path) -> None:
    looked_at = 0
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue  # its links begin at the site's address
        for link in re.findall(r"<a\b[^>]*href=\"?([^\"\s>]+)", page.read_text(encoding="utf-8")):
            parts = urlsplit(link)
            if not parts.scheme and parts.path:
                assert (page.parent / unquote(parts.path)).exists(), (page.name, link)
                looked_at += 1
    assert looked_at > 500


def test_its_pictures_are_there(site: Path) -> None:
    shown = [
        (page, source)
        for page in site.rglob("*.html")
        if page.name != "404.html"
        for source in re.findall(r"<img\b[^>]*src=\"?([^\"\s>]+)", page.read_text(encoding="utf-8"))
    ]
    assert len(shown) > 5
    assert [
        (page.name, source) for page, source in shown if not (page.parent / unquote(source)).exists()
    ] == []


def test_pages_of_the_repository_are_in_it(site: Path) -> None:
    assert (site / "repository" / "SECURITY.html").exists()
    text = (site / "DEPLOYMENT.html").read_text(encoding="utf-8")
    assert 'href="repository/SECURITY.html' in text
    assert "../SECURITY.md" not in text


def test_the_cost_page_computes_as_the_command_does(site: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    figures = json.loads((site / "javascripts" / "cost.json").read_text(encoding="utf-8"))
    hours = 5_000_000_000  # so many machines that whole ones make no difference
    wishes = {
        "hours": hours,
        "filled": figures["filled"],
        "streamsPerCore": figures["streams_per_core"],
        "otherUsd": 0,
    }
    code = f"const {{ monthlyCosts }} = require({json.dumps(str(site / 'javascripts' / 'cost.js'))});"
    code += f"console.log(JSON.stringify(monthlyCosts({json.dumps(figures)}, {json.dumps(wishes)})));"
    done = subprocess.run([node, "-e", code], capture_output=True, text=True, check=True)
    costs = {row["name"]: row for row in json.loads(done.stdout)}
    prices = read_prices(DEFAULT)
    for own in stream_costs(prices.machines, figures["streams_per_core"], figures["filled"]):
        assert costs[own.machine.name]["usd"] / hours == pytest.approx(own.usd_per_stream_hour, rel=0.001)
    for service in prices.services:
        assert costs[service.name]["usd"] / hours == pytest.approx(service.usd_per_minute * 60)
    few = json.dumps({**wishes, "hours": 100_000, "otherUsd": 250})
    done = subprocess.run(
        [node, "-e", code.replace(json.dumps(wishes), few)], capture_output=True, text=True, check=True
    )
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    for each in monthly_costs(prices, 100_000, figures["streams_per_core"], figures["filled"], 250):
        assert rows[each.name]["machines"] == each.machines
        assert rows[each.name]["usd"] == pytest.approx(each.usd)
