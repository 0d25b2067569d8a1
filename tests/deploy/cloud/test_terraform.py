"""The clouds' Terraform: formatted, parsed, complete in itself; no provider can be asked here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import hcl2
import pytest

ROOT = Path(__file__).resolve().parents[3]
CLOUD = ROOT / "deploy" / "cloud"
CLOUDS = ["eks", "gke", "aks"]
TERRAFORM = shutil.which("terraform")
each_cloud = pytest.mark.parametrize("cloud", CLOUDS)
needs_terraform = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")
REQUIRED = {
    "eks": {"admin_cidrs": '["203.0.113.0/24"]'},
    "gke": {"admin_cidrs": '["203.0.113.0/24"]', "project": "mine"},
    "aks": {"admin_cidrs": '["203.0.113.0/24"]', "subscription_id": "mine", "registry_name": "amira12345"},
}


def terraform(*arguments: str, cwd: Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    assert TERRAFORM is not None
    return subprocess.run(
        [TERRAFORM, *arguments], cwd=cwd, input=text, capture_output=True, text=True, check=False, timeout=60
    )


def parsed(cloud: str) -> dict[str, dict[str, Any]]:
    """Blocks by kind, then by name (`type.name` for resources and data)."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((CLOUD / cloud).glob("*.tf")):
        for kind, blocks in hcl2.loads(path.read_text()).items():
            for block in blocks if isinstance(blocks, list) else []:
                for name, body in block.items():
                    _add(found.setdefault(kind, {}), kind, name.strip('"'), body)
    return found


def _add(blocks: dict[str, Any], kind: str, name: str, body: Any) -> None:
    if kind not in ("resource", "data"):
        blocks[name] = body
        return
    for own, inner in body.items():
        if isinstance(inner, dict):
            blocks[f"{name}.{own.strip(chr(34))}"] = inner


def source(cloud: str) -> str:
    text = "\n".join(path.read_text() for path in sorted((CLOUD / cloud).glob("*.tf")))
    return re.sub(r"#.*", "", text)


@needs_terraform
def test_they_are_formatted() -> None:
    done = terraform("fmt", "-check", "-recursive", "-diff", ".", cwd=CLOUD)
    assert done.returncode == 0, done.stdout


@each_cloud
def test_every_variable_is_described_typed_and_used(cloud: str) -> None:
    variables = parsed(cloud)["variable"]
    for name, variable in variables.items():
        assert variable.get("description"), name
        assert variable.get("type"), name
    assert set(re.findall(r"\bvar\.(\w+)", source(cloud))) == set(variables)
    assert "default" not in variables["admin_cidrs"], "who may reach the API is said, not assumed"


@each_cloud
def test_every_reference_leads_somewhere(cloud: str) -> None:
    blocks = parsed(cloud)
    prefix = {"eks": "aws", "gke": "google", "aks": "azurerm"}[cloud]
    named = set(re.findall(rf"(?<![\w\".-])({prefix}_\w+\.\w+)", source(cloud)))
    known = set(blocks["resource"])
    of_data = {f"{name}" for name in blocks.get("data", {})}
    assert named, "the pattern finds references"
    assert named <= known | of_data
    locals_used = set(re.findall(r"\blocal\.(\w+)", source(cloud)))
    assert locals_used <= set(blocks.get("locals", {}))


@each_cloud
def test_each_has_the_same_parts(cloud: str) -> None:
    blocks = parsed(cloud)
    assert {"kubeconfig_command", "registry", "usd_per_month"} <= set(blocks["output"])
    text = source(cloud)
    assert "nvidia.com/gpu" in text, "GPU nodes are kept for what asks for them"
    assert re.search(r"network_?policy|ADVANCED_DATAPATH", text, re.IGNORECASE), "policies are kept"
    assert not re.search(r"(secret|password|access_key)\s*=", text)
    assert "required_version" in text


@needs_terraform
@each_cloud
def test_the_guide_says_what_it_costs(cloud: str, tmp_path: Path) -> None:
    """The output's own expression, by Terraform itself, with the defaults."""
    guide = (ROOT / "docs" / "DEPLOYMENT.md").read_text()
    dollars = evaluated(cloud, "usd_per_month", tmp_path)
    row = next(line for line in guide.splitlines() if line.startswith("|") and f"cloud/{cloud}" in line)
    assert f"${dollars:.0f}" in row


@needs_terraform
@each_cloud
def test_the_whole_internet_is_refused(cloud: str, tmp_path: Path) -> None:
    done = console(cloud, "var.admin_cidrs", tmp_path, admin_cidrs='["0.0.0.0/0"]')
    assert "not the whole internet" in done.stdout + done.stderr


def evaluated(cloud: str, output: str, folder: Path) -> float:
    """An output that depends on variables alone."""
    text = (CLOUD / cloud / "outputs.tf").read_text()
    block = text[text.index(f'output "{output}"') :]
    expression = block[block.index("value =") + len("value =") : block.index("\n}")]
    done = console(cloud, " ".join(expression.split()), folder)
    assert done.returncode == 0, done.stderr
    return float(json.loads(done.stdout))


def console(cloud: str, expression: str, folder: Path, **others: str) -> subprocess.CompletedProcess[str]:
    """Terraform's own evaluation, with no more than the variables."""
    shutil.copy2(CLOUD / cloud / "variables.tf", folder)
    values = REQUIRED[cloud] | others
    options = [f"-var={name}={value}" for name, value in values.items()]
    return terraform("console", *options, cwd=folder, text=expression)
