"""Compression of what is read: outside of the ledger's hash, never twice, and not on the raw routes."""

import gzip
import hashlib

import httpx
import pytest
from fastapi import FastAPI

from serving.app import Services
from serving.http.guard_app import GuardApp
from serving.pages.assets import Assets
from tests.support.ledger import read_chain

PROJECTS = "/api/v1/projects"


@pytest.fixture
def many_projects(services: Services) -> str:
    """Address of a list of more than a kilobyte."""
    for number in range(20):
        services.projects.create(f"shop-{number}", "Shop", "UTC")
    return PROJECTS


async def read_sent(client: httpx.AsyncClient, path: str, accepted: str = "gzip") -> tuple[httpx.Headers, bytes]:
    """Return the headers and the bytes of an answer as they were sent."""
    async with client.stream("GET", path, headers={"Accept-Encoding": accepted}) as answer:
        assert answer.status_code == 200
        return answer.headers, b"".join([piece async for piece in answer.aiter_raw()])


async def test_the_ledger_has_the_hash_of_the_body_before_its_compression(
    admin: httpx.AsyncClient, services: Services, many_projects: str
) -> None:
    headers, sent = await read_sent(admin, many_projects)
    assert (headers["content-encoding"], headers["vary"]) == ("gzip", "Accept-Encoding")
    body = gzip.decompress(sent)
    assert len(sent) == int(headers["content-length"]) < len(body) / 3
    (row,) = read_chain(services, request_id=headers["x-request-id"])
    assert row["response_hash"] == hashlib.sha256(body).hexdigest()


async def test_a_client_that_does_not_accept_compression_gets_the_same_body(
    admin: httpx.AsyncClient, many_projects: str
) -> None:
    headers, sent = await read_sent(admin, many_projects, accepted="identity")
    assert "content-encoding" not in headers
    assert sent == gzip.decompress((await read_sent(admin, many_projects))[1])


async def test_a_short_answer_is_not_compressed(admin: httpx.AsyncClient) -> None:
    headers, sent = await read_sent(admin, PROJECTS)
    assert "content-encoding" not in headers
    assert sent.startswith(b"{")


async def test_an_asset_is_compressed_once(anonymous: httpx.AsyncClient) -> None:
    assets = Assets()
    headers, sent = await read_sent(anonymous, assets.address("htmx.min.js"))
    asset = assets.find(assets.address("htmx.min.js").removeprefix("/assets/"))
    assert asset is not None
    assert headers.get_list("content-encoding") == ["gzip"]
    assert gzip.decompress(sent) == asset.content


@pytest.mark.parametrize("path", ["/api/v1/events", "/predict", "/api/v1/labels"])
async def test_what_is_posted_does_not_pass_through_compression(
    app: FastAPI, analyst: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    assert isinstance(app, GuardApp)
    monkeypatch.setattr(app, "_compressed", None)
    assert (await analyst.post(path, json={})).status_code == 422
