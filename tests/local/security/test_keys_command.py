"""`amira keys`: what it makes, a gateway's door takes; what it revokes, the door refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from amira_core.errors import UnauthenticatedError
from amira_gateway.access.api_keys import ApiKeys
from amira_gateway.access.identity import Limits, Scope
from amira_local.cli import app


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "keys.json"


def amira(path: Path, *words: str) -> Result:
    return CliRunner().invoke(
        app, ["keys", *words], env={"AMIRA_GATEWAY_API_KEYS_FILE": str(path), "COLUMNS": "160"}
    )


def made(path: Path, *words: str) -> str:
    done = amira(path, "create", *words)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def test_a_key_is_made_listed_and_revoked(path: Path) -> None:
    key = made(path, "acme")
    identity = ApiKeys(path).identify(key)
    assert (identity.tenant, identity.scopes) == ("acme", frozenset({Scope.RECOGNIZE}))
    listed = amira(path, "list").stdout
    assert identity.key_id in listed
    assert "active" in listed
    assert key.split("_", 2)[2] not in listed
    assert amira(path, "revoke", identity.key_id).exit_code == 0
    assert "revoked" in amira(path, "list").stdout
    with pytest.raises(UnauthenticatedError, match="not valid"):
        ApiKeys(path).identify(key)


def test_what_a_key_can_be_given(path: Path) -> None:
    key = made(
        path, "acme", "--scope", "describe", "--scope", "admin", "--max-streams", "3",
        "--audio-s-per-minute", "90", "--expires-in-days", "1",
    )  # fmt: skip
    identity = ApiKeys(path).identify(key)
    assert identity.scopes == {Scope.DESCRIBE, Scope.ADMIN}
    assert identity.key_limits == Limits(max_streams=3, audio_s_per_minute=90)
    assert "3 streams, 90 s of audio per minute" in amira(path, "list").stdout
    late = made(path, "acme", "--expires-in-days", "0")
    with pytest.raises(UnauthenticatedError, match="expired"):
        ApiKeys(path).identify(late)
    assert "expired" in amira(path, "list").stdout


def test_a_whole_key_can_be_revoked_as_it_was_found(path: Path) -> None:
    key = made(path, "acme")
    done = amira(path, "revoke", key)
    assert done.exit_code == 0
    assert key not in done.output
    with pytest.raises(UnauthenticatedError):
        ApiKeys(path).identify(key)


def test_tenants_limits(path: Path) -> None:
    made(path, "acme")
    assert amira(path, "limit", "acme", "--max-streams", "7").exit_code == 0
    assert ApiKeys(path).limits("acme") == Limits(max_streams=7)
    assert "acme: 7 streams" in amira(path, "list").stdout
    assert amira(path, "limit", "acme").exit_code == 0
    assert ApiKeys(path).limits("acme") == Limits()
    assert ApiKeys(path).limits("other") is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["revoke", "0" * 16], "holds no key"),
        (["create", "two words"], "letters, digits"),
        (["create", ""], "letters, digits"),
        (["limit", "two words", "--max-streams", "1"], "keys.json"),
    ],
)
def test_what_cannot_be_done(path: Path, words: list[str], told: str) -> None:
    made(path, "acme")
    before = path.read_text()
    done = amira(path, *words)
    assert done.exit_code == 1
    assert told in done.output
    assert "Traceback" not in done.output
    assert path.read_text() == before


def test_a_file_that_is_not_there_or_damaged(path: Path) -> None:
    for words in (["list"], ["revoke", "0" * 16]):
        done = amira(path, *words)
        assert done.exit_code == 1
        assert "amira keys create" in done.output
        assert not path.exists()
    made(path, "acme")
    path.write_text("{")
    for words in (["list"], ["create", "acme"]):
        done = amira(path, *words)
        assert done.exit_code == 1
        assert "cannot be used" in done.output
    assert path.read_text() == "{"
