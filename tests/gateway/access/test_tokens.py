"""Tokens: only those that the issuer signed, for this server, now, with the algorithm of the key."""

from __future__ import annotations

import hashlib
import hmac
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from amira_core.errors import UnauthenticatedError
from amira_core.settings import BadSettingsError
from amira_gateway.access import AccessInterceptor, AccessSettings
from amira_gateway.access.identity import Scope
from amira_gateway.access.tokens import JwksError, TokenRules, Tokens, read_jwks
from tests.gateway.access.door import (
    AUDIENCE,
    ISSUER,
    Caller,
    Issuer,
    add_key,
    bearer,
    door,
    outcome,
    public_jwk,
    raw_token,
)
from tests.support.speech_server import ScriptedSpeech

REFUSED = ("UNAUTHENTICATED", "UNAUTHENTICATED")


@pytest.fixture(scope="module")
def keys() -> tuple[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey]:
    """Made once: RSA keys take long."""
    return rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def issuer(tmp_path: Path, keys: Any) -> Issuer:
    return Issuer(tmp_path / "jwks.json", *keys)


@pytest.fixture
def tokens(issuer: Issuer) -> Tokens:
    return Tokens(issuer.path, TokenRules(ISSUER, AUDIENCE))


@pytest.fixture
async def server(issuer: Issuer) -> AsyncIterator[ScriptedSpeech]:
    async with door(jwks_file=issuer.path) as scripted:
        yield scripted


async def refusal(server: ScriptedSpeech, token: str) -> str:
    """The message with which a stream and a unary call are refused."""
    async with Caller(server, bearer(token)) as caller:
        stream, unary = await outcome(caller.stream_seconds(0.1)), await outcome(caller.recognize())
    assert stream == unary
    assert stream[:2] == REFUSED
    assert not server.requests
    return stream[2]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_good_token_is_let_in(server: ScriptedSpeech, issuer: Issuer, algorithm: str) -> None:
    async with Caller(server, bearer(issuer.token(algorithm))) as caller:
        assert await caller.stream_seconds(0.1) == 3
        assert await caller.recognize()
        assert await caller.describe()


async def test_an_expired_token(server: ScriptedSpeech, issuer: Issuer) -> None:
    assert "expired" in await refusal(server, issuer.token(exp=int(time.time()) - 60))


async def test_a_token_of_tomorrow(server: ScriptedSpeech, issuer: Issuer) -> None:
    assert "not valid yet" in await refusal(server, issuer.token(nbf=int(time.time()) + 3600))


def test_clocks_may_differ_a_little(tokens: Tokens, issuer: Issuer) -> None:
    now = int(time.time())
    assert tokens.identify(issuer.token(exp=now - 10, nbf=now - 60)).tenant == "acme"
    assert tokens.identify(issuer.token(nbf=now + 10)).tenant == "acme"


async def test_a_wrong_issuer_or_audience(server: ScriptedSpeech, issuer: Issuer) -> None:
    assert "issuer" in await refusal(server, issuer.token(iss="https://elsewhere.example"))
    assert "aud" in await refusal(server, issuer.token(aud="another-service"))
    assert "aud" in await refusal(server, issuer.token(aud=["a", "b"]))


async def test_an_unknown_or_missing_kid(server: ScriptedSpeech, issuer: Issuer) -> None:
    assert "not valid" in await refusal(server, issuer.token(kid="unknown"))
    without = jwt.encode(issuer.claims(), issuer.rsa_key, "RS256")
    assert "not valid" in await refusal(server, without)


async def test_a_token_without_signature_is_refused(server: ScriptedSpeech, issuer: Issuer) -> None:
    for name in ("none", "None", "NONE", ""):
        token = raw_token({"alg": name, "typ": "JWT", "kid": "rsa"}, issuer.claims(), b"")
        assert "not valid" in await refusal(server, token)


async def test_the_public_key_is_no_secret_for_hs256(server: ScriptedSpeech, issuer: Issuer) -> None:
    """The classic confusion: an HMAC keyed with what everybody knows."""
    public = issuer.rsa_key.public_key()
    encodings = [
        public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
    ]
    for secret in encodings:
        for name, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
            unsigned = raw_token({"alg": name, "typ": "JWT", "kid": "rsa"}, issuer.claims(), b"")
            signature = hmac.new(secret, unsigned.rstrip(".").encode(), digest).digest()
            token = raw_token({"alg": name, "typ": "JWT", "kid": "rsa"}, issuer.claims(), signature)
            assert token.startswith(unsigned)
            assert "not valid" in await refusal(server, token)


async def test_each_key_has_one_algorithm(server: ScriptedSpeech, issuer: Issuer) -> None:
    for algorithm, key, kid in (
        ("RS256", issuer.rsa_key, "ec"),
        ("ES256", issuer.ec_key, "rsa"),
        ("RS512", issuer.rsa_key, "rsa"),
        ("PS256", issuer.rsa_key, "rsa"),
    ):
        token = jwt.encode(issuer.claims(), key, algorithm, headers={"kid": kid})  # type: ignore[arg-type]
        assert "not valid" in await refusal(server, token)


async def test_keys_that_a_token_brings_along_are_not_believed(
    server: ScriptedSpeech, issuer: Issuer
) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    headers = {"kid": "ec", "jwk": public_jwk(own, "ec"), "jku": "https://evil.example/jwks.json"}
    token = jwt.encode(issuer.claims(), own, "ES256", headers=headers)
    assert "not valid" in await refusal(server, token)


async def test_a_changed_token_is_refused(server: ScriptedSpeech, issuer: Issuer) -> None:
    header, claims, signature = issuer.token("ES256").split(".")
    _, others, _ = issuer.token("ES256", tenant="rich").split(".")
    assert "not valid" in await refusal(server, f"{header}.{others}.{signature}")
    assert "not valid" in await refusal(server, f"{header}.{claims}.{signature[:-8]}AAAAAAAA")


@pytest.mark.parametrize("claim", ["exp", "iss", "aud", "sub", "tenant"])
def test_claims_that_are_needed(tokens: Tokens, issuer: Issuer, claim: str) -> None:
    with pytest.raises(UnauthenticatedError, match=claim):
        tokens.identify(issuer.token(**{claim: None}))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("exp", "soon"),
        ("exp", float("inf")),
        ("nbf", float("nan")),
        ("nbf", "now"),
        ("iss", 7),
        ("aud", {"a": 1}),
        ("tenant", ["acme"]),
        ("tenant", "x" * 1000),
        ("sub", 7),
    ],
)
def test_claims_that_are_nonsense(tokens: Tokens, issuer: Issuer, claim: str, value: object) -> None:
    token = raw_token({"alg": "ES256", "kid": "ec"}, issuer.claims(**{claim: value}), b"")
    head = token.rstrip(".").encode()
    signature = jwt.get_algorithm_by_name("ES256").sign(head, issuer.ec_key)
    with pytest.raises(UnauthenticatedError):
        tokens.identify(raw_token({"alg": "ES256", "kid": "ec"}, issuer.claims(**{claim: value}), signature))


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "recognize describe"}, {Scope.RECOGNIZE, Scope.DESCRIBE}),
        ({"scope": ["admin"]}, {Scope.ADMIN}),
        ({"scope": None, "scp": "describe"}, {Scope.DESCRIBE}),
        ({"scope": "recognizer"}, set()),
        ({"scope": None}, set()),
        ({"scope": {"recognize": True}}, set()),
    ],
)
def test_scopes_of_tokens(tokens: Tokens, issuer: Issuer, claims: Any, scopes: set[Scope]) -> None:
    assert tokens.identify(issuer.token(**claims)).scopes == scopes


async def test_a_token_without_the_scope_is_denied(server: ScriptedSpeech, issuer: Issuer) -> None:
    async with Caller(server, bearer(issuer.token(scope="describe"))) as caller:
        assert await caller.describe()
        assert (await outcome(caller.recognize()))[:2] == ("PERMISSION_DENIED", "PERMISSION_DENIED")


async def test_keys_rotate_while_the_server_runs(server: ScriptedSpeech, issuer: Issuer) -> None:
    old = issuer.token("ES256")
    issuer.ec_key = ec.generate_private_key(ec.SECP256R1())
    new = issuer.token("ES256")
    assert "not valid" in await refusal(server, new)
    issuer.publish()
    async with Caller(server, bearer(new)) as caller:
        assert await caller.describe()
    assert "not valid" in await refusal(server, old)


async def test_keys_and_tokens_side_by_side(issuer: Issuer, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = add_key(path)
    async with door(jwks_file=issuer.path, api_keys_file=path) as server:
        for secret in (key, issuer.token()):
            async with Caller(server, bearer(secret)) as caller:
                assert await caller.describe()
        assert "not valid" in await refusal(server, "neither")


async def test_an_api_key_where_only_tokens_are_taken(server: ScriptedSpeech, tmp_path: Path) -> None:
    assert "send a token" in await refusal(server, add_key(tmp_path / "keys.json"))


def _one_key() -> Tokens:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jwks.json"
        key = public_jwk(ec.generate_private_key(ec.SECP256R1()), "ec")
        path.write_text(json.dumps({"keys": [key]}))
        return Tokens(path, TokenRules(ISSUER, AUDIENCE))


ONE_KEY = _one_key()


@given(
    st.one_of(st.text(), st.binary().map(lambda data: data.decode("latin-1")), st.from_regex(r"\A[\w.=-]*\Z"))
)
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(UnauthenticatedError):
        ONE_KEY.identify(text)


@given(
    st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "b64", "crit", "zip"]),
        st.none() | st.text() | st.booleans() | st.lists(st.text()),
    ),
    st.dictionaries(st.text(), st.none() | st.integers() | st.text()),
    st.binary(max_size=80),
)
def test_no_header_makes_a_token(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> None:
    for kid in ({}, {"kid": "ec"}):
        with pytest.raises(UnauthenticatedError):
            ONE_KEY.identify(raw_token({**header, **kid}, claims, signature))


def jwks_problem(path: Path, content: object) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(JwksError) as problem:
        read_jwks(path)
    assert str(path) in str(problem.value)
    return str(problem.value)


def test_files_of_keys_that_cannot_be_used(issuer: Issuer, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    good = public_jwk(issuer.rsa_key, "good")
    private = jwt.algorithms.ECAlgorithm.to_jwk(issuer.ec_key, as_dict=True)
    small = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
    other_curve = ec.generate_private_key(ec.SECP384R1())
    assert "no JWKS file" in jwks_problem(path, "{")
    assert "no JWKS file" in jwks_problem(path, {"keys": 7})
    assert "no JWKS file" in jwks_problem(path, {})
    assert "no JWKS file" in jwks_problem(path, {"keys": ["x"]})
    assert "no key for signatures" in jwks_problem(path, {"keys": [{**good, "use": "enc"}]})
    assert "without `kid`" in jwks_problem(path, {"keys": [{**good, "kid": ""}]})
    assert "is secret" in jwks_problem(path, {"keys": [{**private, "kid": "mine"}]})
    assert "is secret" in jwks_problem(path, {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}]})
    assert "no accepted kind" in jwks_problem(path, {"keys": [public_jwk(small, "small")]})
    assert "'curve'" in jwks_problem(path, {"keys": [public_jwk(other_curve, "curve")]})
    assert "cannot be read" in jwks_problem(path, {"keys": [{"kty": "RSA", "kid": "empty"}]})
    path.unlink()
    with pytest.raises(JwksError, match="cannot read"):
        read_jwks(path)


@pytest.mark.parametrize("missing", ["jwt_issuer", "jwt_audience", "jwt_tenant_claim"])
def test_settings_that_tokens_need(issuer: Issuer, missing: str) -> None:
    settings = {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, missing: ""}
    with pytest.raises(BadSettingsError, match=missing.upper()):
        AccessInterceptor.of(AccessSettings(jwks_file=str(issuer.path), **settings))


def test_every_setting_is_described() -> None:
    for name, field in AccessSettings.model_fields.items():
        assert field.description, name
