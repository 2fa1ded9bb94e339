"""How often callers may ask, whose address counts, and that nobody else is held up."""

import httpx
import pytest
from fastapi import FastAPI
from openai import AsyncOpenAI, RateLimitError

from guard_core.settings import Settings
from guard_store.ledger.store import LedgerFilter
from serving.app import Services
from serving.http.limits.addresses import Proxies, address_of
from serving.http.limits.buckets import Buckets
from serving.http.limits.rates import RateLimits
from serving.http.problems import TooManyRequests
from tests.support.api import check_problem
from tests.support.clients import Clients
from tests.support.settings import with_values


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Three requests at once, then one each second or slower."""
    return with_values(
        settings,
        rate_per_key=1.0,
        rate_per_address=1.0,
        rate_burst_s=3,
        rate_wrong_keys_per_minute=3,
        trusted_proxies=("10.0.0.0/8",),
    )


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    now = [100.0]
    bucket = Buckets(2.0, 4.0, clock=lambda: now[0])
    assert [bucket.take("a") for _ in range(5)] == [0, 0, 0, 0, 1]
    assert bucket.wait_s("a") == 1
    assert bucket.take("b") == 0
    now[0] += 1.01
    assert [bucket.take("a") for _ in range(3)] == [0, 0, 1]
    now[0] += 3_600
    assert [bucket.take("a") for _ in range(5)] == [0, 0, 0, 0, 1]


def test_names_are_bounded_and_those_that_took_most_are_kept() -> None:
    now = [0.0]
    buckets = Buckets(0.01, 5.0, clock=lambda: now[0], max_names=100)
    for _ in range(5):
        assert buckets.take("greedy") == 0
    for n in range(10_000):
        now[0] += 0.001
        buckets.take(f"address {n}")
        assert len(buckets) <= 100
    assert buckets.take("greedy") > 0


async def test_a_key_that_asks_too_often_is_429_and_others_are_not(clients: Clients, services: Services) -> None:
    fast, other = clients.of("analyst"), clients.of("analyst")
    assert [(await fast.get("/api/v1/projects")).status_code for _ in range(3)] == [200] * 3
    answer = await fast.get("/api/v1/projects")
    check_problem(answer, 429)
    assert answer.headers["Retry-After"] == "1"
    assert (await other.get("/api/v1/projects")).status_code == 200
    event = {"project_id": "p", "model_id": "m", "timestamp": "2013-01-01T12:00:00Z", "latency_ms": 1, "features": {}}
    check_problem(await fast.post("/api/v1/events", json=event), 429)
    assert len(services.audit.store.page(LedgerFilter(), None, 100)) == 4  # a flood of refusals is not one of rows


async def test_without_a_key_the_address_counts_and_probes_do_not(anonymous: httpx.AsyncClient) -> None:
    for _ in range(20):
        assert (await anonymous.get("/healthz")).status_code == 200
        assert (await anonymous.get("/metrics")).status_code == 200
    asked = [(await anonymous.get("/api/v1/projects")).status_code for _ in range(5)]
    assert asked == [401, 401, 401, 429, 429]


async def test_an_address_with_too_many_wrong_keys_is_429_and_its_known_key_still_works(
    anonymous: httpx.AsyncClient, clients: Clients
) -> None:
    known = clients.of("guest")
    assert (await known.get("/api/v1/openapi.json")).status_code == 200
    asked = [(await anonymous.get("/api/v1/projects", headers={"X-API-Key": f"mlg_{n}"})).status_code for n in range(5)]
    assert asked == [401, 401, 401, 429, 429]
    assert (await known.get("/api/v1/openapi.json")).status_code == 200
    new = clients.of("guest")
    assert (await new.get("/api/v1/openapi.json")).status_code == 429


async def test_only_a_trusted_proxy_says_whose_address_it_is(app: FastAPI) -> None:
    async def asked(peer: str, said: str) -> int:
        transport = httpx.ASGITransport(app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://guard") as client:
            return (await client.get("/api/v1/projects", headers={"X-Forwarded-For": said})).status_code

    assert [await asked("198.51.100.7", f"203.0.113.{n}") for n in range(4)] == [401, 401, 401, 429]
    assert [await asked("10.1.2.3", f"203.0.113.{n}") for n in range(6)] == [401] * 6
    assert [await asked("10.1.2.3", f"spoofed-{n}, 198.51.100.8, 10.9.9.9") for n in range(4)] == [401, 401, 401, 429]


async def test_security_headers_and_hsts_where_the_trusted_proxy_had_tls(app: FastAPI) -> None:
    async def headers(peer: str) -> httpx.Headers:
        transport = httpx.ASGITransport(app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://guard") as client:
            return (await client.get("/healthz", headers={"X-Forwarded-Proto": "https"})).headers

    told = await headers("10.1.2.3")
    assert told["Strict-Transport-Security"] == "max-age=31536000"
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["Permissions-Policy"]
    assert "Server" not in told
    assert "Strict-Transport-Security" not in await headers("198.51.100.7")


@pytest.mark.parametrize(
    ("client", "said", "address"),
    [
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8:1:2:3::4]:99", "2001:db8:1:2::"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "203.0.113.9", "2001:db8::"),
    ],
)
def test_addresses_are_read_as_proxies_write_them(client: str, said: str, address: str) -> None:
    scope = {"client": (client, 1), "headers": [(b"x-forwarded-for", said.encode())]}
    Proxies(["10.0.0.0/8"]).apply(scope)
    assert address_of(scope) == address


def test_several_processes_share_a_limit(settings: Settings) -> None:
    of_one = RateLimits(with_values(settings, workers=3, rate_per_key=10.0))
    for _ in range(10):
        of_one.count_keyed_request("k")
    with pytest.raises(TooManyRequests, match="too often"):
        of_one.count_keyed_request("k")


async def test_the_official_client_sees_its_own_error(app: FastAPI, services: Services) -> None:
    _, secret = services.keys.create("app", "analyst")
    transport = httpx.ASGITransport(app)
    async with (
        httpx.AsyncClient(transport=transport) as http,
        AsyncOpenAI(base_url="http://guard/v1", api_key=secret, max_retries=0, http_client=http) as client,
    ):
        for _ in range(3):
            with pytest.raises(Exception, match="No language model is set up"):
                await client.models.list()
        with pytest.raises(RateLimitError) as error:
            await client.models.list()
    assert error.value.code == "rate_limit_exceeded"
    assert error.value.response.headers["Retry-After"] == "1"
