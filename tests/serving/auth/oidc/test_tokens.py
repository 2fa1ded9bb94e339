"""Who may ask with a token: what must be right in it, which keys are believed, and how the caller stands on record."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import jwt
import msgspec
import pytest

from guard_core.settings import Settings, SettingsError, load_settings
from guard_store.ledger.store import LedgerFilter
from serving.app import Services
from serving.auth.oidc.signing_keys import SigningKeys
from serving.auth.oidc.tokens import TokenRing
from serving.http.problems import Unauthorised, Unavailable
from tests.support.oidc_issuer import Issuer
from tests.support.settings import with_values

ANALYST: dict[str, Any] = {"realm_access": {"roles": ["offline_access", "data-team"]}, "guard_project": "flights"}
ADMIN: dict[str, Any] = {"realm_access": {"roles": ["data-team", "guard-admins"]}, "guard_project": "*"}


async def status(client: httpx.AsyncClient, token: str, path: str = "/api/v1/projects/flights") -> int:
    return (await client.get(path, headers={"Authorization": f"Bearer {token}"})).status_code


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(claims)}"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_each_algorithm_opens_json_raw_and_openai_routes(
    anonymous: httpx.AsyncClient, issuer: Issuer, project: str, algorithm: str
) -> None:
    issuer.add("k2", algorithm)
    headers = {"Authorization": f"Bearer {issuer.token('k2', **ANALYST)}"}
    event = {"project_id": project, "model_id": "m", "timestamp": "2013-01-01T12:00:00Z"}
    event |= {"latency_ms": 1, "y_pred": 1, "features": {}}  # type: ignore[dict-item]
    assert (await anonymous.get(f"/api/v1/projects/{project}", headers=headers)).status_code == 200
    assert (await anonymous.post("/api/v1/events", json=event, headers=headers)).status_code == 201
    assert (await anonymous.get("/v1/models", headers=headers)).status_code == 404  # no upstream is set
    assert issuer.fetched == 1


async def test_claims_give_role_and_project(anonymous: httpx.AsyncClient, issuer: Issuer, services: Services) -> None:
    for name in ("flights", "other"):
        services.projects.create(name, name)
    analyst, admin = issuer.token(**ANALYST), issuer.token(sub="boss", **ADMIN)
    assert await status(anonymous, analyst) == 200
    assert await status(anonymous, analyst, "/api/v1/projects/other") == 403
    assert await status(anonymous, analyst, "/api/v1/keys") == 403
    assert await status(anonymous, admin, "/api/v1/projects/other") == 200
    assert await status(anonymous, admin, "/api/v1/keys") == 200
    no_role = issuer.token(guard_project="flights", realm_access={"roles": ["constructor", 7]})
    assert await status(anonymous, no_role) == 403
    assert await status(anonymous, no_role, "/api/v1/openapi.json") == 200
    for named in (None, ["flights", "other"], "", 7):
        assert await status(anonymous, issuer.token(**{**ADMIN, "guard_project": named})) == 403


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "another"}, "audience"),
        ({"aud": None}, "lacks a claim"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"exp": 1_000_000_000}, "expired"),
        ({"exp": None}, "lacks a claim"),
        ({"nbf": 9_999_999_999}, "not valid yet"),
        ({"sub": None}, "lacks a claim"),
    ],
)
async def test_a_token_that_is_not_for_us_now_is_401_with_the_reason(
    anonymous: httpx.AsyncClient, issuer: Issuer, project: str, claims: dict[str, Any], reason: str
) -> None:
    token = issuer.token(**{**ANALYST, **claims})
    answer = await anonymous.get(f"/api/v1/projects/{project}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert reason in answer.json()["detail"]
    assert token not in answer.text


async def test_clocks_may_differ_by_half_a_minute(anonymous: httpx.AsyncClient, issuer: Issuer, project: str) -> None:
    now = int(time.time())
    assert await status(anonymous, issuer.token(**ANALYST, exp=now - 10)) == 200
    assert await status(anonymous, issuer.token(**ANALYST, exp=now - 60)) == 401
    assert await status(anonymous, issuer.token(**ANALYST, nbf=now + 10)) == 200


async def test_other_algorithms_and_forged_signatures_are_refused(
    anonymous: httpx.AsyncClient, issuer: Issuer, project: str
) -> None:
    claims = issuer.claims(**ANALYST)
    good = issuer.token(**ANALYST)
    n = base64.urlsafe_b64decode(issuer.jwk("k1")["n"] + "==")
    public = jwt.PyJWK(issuer.jwk("k1"), algorithm="RS256").key
    pem = public.public_bytes(*_pem_format())
    none = unsigned({"alg": "none", "kid": "k1"}, claims) + "."
    attacks = [none, unsigned({"alg": "NONE"}, claims) + ".", good[:-6] + "AAAAAA", good.rpartition(".")[0] + "."]
    for secret in (pem, n, b"secret"):  # the public key as a shared secret
        for kid in ("k1", "shared"):
            signed = unsigned({"alg": "HS256", "kid": kid}, claims)
            digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
            attacks.append(f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}")
    own = Issuer(url=issuer.url)
    own.add("k1")
    attacks.append(own.token(**ANALYST))  # its own key under a known id
    attacks.append(own.token(headers={"jwk": own.jwk("k1"), "jku": "http://127.0.0.1:9/"}, **ANALYST))
    own.add("k1", "ES256")
    attacks += [own.token(**ANALYST), issuer.token(headers={"crit": ["b64"], "b64": False}, **ANALYST)]
    attacks += [
        "a.b.c",
        "..",
        "é.é.é",
        f"{base64.urlsafe_b64encode(b'[' * 9_000).decode()}.a.b",
        good + "." + "x" * 20_000,
    ]
    for token in attacks:
        headers = [(b"Authorization", f"Bearer {token}".encode("latin-1"))]
        answer = await anonymous.get(f"/api/v1/projects/{project}", headers=headers)
        assert answer.status_code == 401, token[:80]
    assert await status(anonymous, good) == 200


def _pem_format() -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return Encoding.PEM, PublicFormat.SubjectPublicKeyInfo


async def test_a_rotated_key_is_found_and_a_withdrawn_one_forgotten(settings: Settings, issuer: Issuer) -> None:
    ring = TokenRing(with_values(settings, key_cache_s=0), SigningKeys(settings, refetch_s=0.0))
    old = issuer.token(**ANALYST)
    assert (await ring.authenticate(old)).role == "analyst"
    issuer.add("k2", "ES256")
    del issuer.keys["k1"]
    assert (await ring.authenticate(issuer.token("k2", **ANALYST))).role == "analyst"
    with pytest.raises(Unauthorised, match="does not publish"):
        await ring.authenticate(old)


async def test_unknown_keys_do_not_make_us_ask_the_issuer_each_time(
    anonymous: httpx.AsyncClient, issuer: Issuer, project: str
) -> None:
    for n in range(20):
        token = issuer.token(headers={"kid": f"made-up-{n}"}, **ANALYST)
        assert await status(anonymous, token) == 401
    assert issuer.fetched == 1


async def test_while_the_issuer_is_down_its_last_keys_are_good_and_without_any_it_is_503(
    settings: Settings, issuer: Issuer
) -> None:
    ring = TokenRing(with_values(settings, key_cache_s=0), SigningKeys(settings, refetch_s=0.0))
    issuer.down = True
    with pytest.raises(Unavailable, match="API key works"):
        await ring.authenticate(issuer.token(**ANALYST))
    issuer.down = False
    assert (await ring.authenticate(issuer.token(**ANALYST))).project_id == "flights"
    issuer.down = True
    issuer.add("k2")
    assert (await ring.authenticate(issuer.token(**ANALYST))).role == "analyst"
    with pytest.raises(Unauthorised):
        await ring.authenticate(issuer.token("k2", **ANALYST))


async def test_a_discovery_document_of_another_issuer_is_not_believed(settings: Settings, issuer: Issuer) -> None:
    issuer.named = "https://evil.example"
    with pytest.raises(Unavailable):
        await TokenRing(settings).authenticate(issuer.token(**ANALYST))
    by_url = with_values(settings, oidc_jwks_url=f"{issuer.url}/keys")
    assert (await TokenRing(by_url).authenticate(issuer.token(**ANALYST))).role == "analyst"


async def test_the_caller_is_on_record_by_a_stable_id_and_the_token_nowhere(
    anonymous: httpx.AsyncClient, issuer: Issuer, services: Services, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = "Zoë\n" + "x" * 300
    tokens = [issuer.token(sub=sub, **ANALYST) for sub in ("auth0|42", "auth0|42", odd)]
    for token in tokens:
        assert await status(anonymous, token) == 200
    rows = [msgspec.structs.asdict(row) for row in services.audit.store.page(LedgerFilter(), None, 10)]
    assert [row["key_id"] for row in rows[1:]] == ["oidc:auth0|42"] * 2
    assert rows[0]["key_id"] == f"oidc:#{hashlib.sha256(odd.encode()).hexdigest()[:32]}"
    assert {row["role"] for row in rows} == {"analyst"}
    anonymous.headers["Authorization"] = f"Bearer {issuer.token(exp=1, **ANALYST)}"
    assert (await anonymous.get(f"/api/v1/projects/{project}")).status_code == 401
    assert not any(token.rpartition(".")[2] in json.dumps(rows) for token in tokens)


async def test_a_caller_with_a_token_can_have_a_budget(
    anonymous: httpx.AsyncClient, issuer: Issuer, services: Services
) -> None:
    anonymous.headers["Authorization"] = f"Bearer {issuer.token(**ADMIN)}"
    budget = {"scope": "key", "scope_id": "oidc:user-1", "measure": "tokens", "period": "day", "hard": 10}
    assert (await anonymous.put("/api/v1/budgets", json=budget)).status_code == 200
    assert [found.scope_id for found in services.gateway.budgets.of(key_ids=["oidc:user-1"])] == ["oidc:user-1"]


async def test_api_keys_work_beside_tokens(anonymous: httpx.AsyncClient, services: Services, project: str) -> None:
    _, secret = services.keys.create("k", "analyst")
    assert await status(anonymous, secret) == 200


def test_an_issuer_without_an_audience_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_GUARD_OIDC_ISSUER", "https://login.example.com")
    with pytest.raises(SettingsError, match=r"ML_GUARD_OIDC_AUDIENCE: .*must be set"):
        load_settings()
