"""The workflows and templates of .github/ are well-formed and name what exists."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from importlib import resources
from typing import Any

import jsonschema
import pytest
import yaml

from tests.docs.pages import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


def faults(schema: str, text: str) -> list[str]:
    """What is wrong with a file, by one of the schemas that check-jsonschema brings along."""
    brought = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{schema}.json"
    validator = jsonschema.Draft7Validator(json.loads(brought.read_text(encoding="utf-8")))
    # PyYAML takes `on` for a truth value, as YAML 1.1 has it.
    content = {"on" if key is True else key: value for key, value in yaml.safe_load(text).items()}
    return [error.message for error in validator.iter_errors(content)]


def steps() -> list[dict[str, Any]]:
    """All steps of all jobs."""
    jobs = [job for path in WORKFLOWS for job in yaml.safe_load(path.read_text())["jobs"].values()]
    found = [step for job in jobs for step in job.get("steps", ())]
    assert len(found) > 20
    return found


def test_workflows_have_githubs_schema() -> None:
    for path in WORKFLOWS:
        assert faults("github-workflows", path.read_text()) == [], path.name
    wrong = WORKFLOWS[0].read_text().replace("runs-on:", "runs-at:")
    assert faults("github-workflows", wrong)


def test_issue_forms_and_updates_have_theirs() -> None:
    forms = [path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]
    assert len(forms) == 2
    for form in forms:
        assert faults("github-issue-forms", form.read_text()) == [], form.name
    assert faults("github-issue-config", (GITHUB / "ISSUE_TEMPLATE" / "config.yml").read_text()) == []
    assert faults("dependabot", (GITHUB / "dependabot.yml").read_text()) == []


def test_their_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    commands = "\n".join(step.get("run", "") for step in steps())
    targets = [word for words in re.findall(r"^make (.+)$", commands, re.MULTILINE) for word in words.split()]
    assert {"audit", "licences", "sbom", "site"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert ".ci/run" in commands
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_each_image_has_its_dockerfile() -> None:
    images = yaml.safe_load((GITHUB / "workflows" / "images.yml").read_text())["jobs"]["images"]
    services = images["strategy"]["matrix"]["service"]
    assert {path.parent.name for path in (ROOT / "deploy" / "images").glob("*/Dockerfile")} == set(services)


def test_no_workflow_may_more_than_it_says() -> None:
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}, path.name
    for step in steps():
        if str(step.get("uses", "")).startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.toolchain
def test_actionlint_finds_nothing() -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed: actionlint cannot be built")
    done = subprocess.run([go, "run", ACTIONLINT, *map(str, WORKFLOWS)], capture_output=True, text=True)
    if "dial tcp" in done.stderr or "no required module" in done.stderr:
        pytest.skip("the module of actionlint cannot be had")
    assert done.returncode == 0, done.stdout + done.stderr
