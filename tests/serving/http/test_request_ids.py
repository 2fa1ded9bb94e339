"""A request's id: accepted, made, returned, in every log line; and what must never be in one."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from guard_core.settings import Settings
from serving.app import Services


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def access_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    await asyncio.sleep(0.2)  # lines are written in bulk
    return [line for line in lines_of(capsys.readouterr().err) if line["logger"] == "serving.access"]


@pytest.mark.parametrize("given", ["a", "trace-1.2_3:4", "x" * 128])
async def test_a_sane_request_id_comes_back(anonymous: httpx.AsyncClient, given: str) -> None:
    for path in ("/healthz", "/nowhere", "/api/v1/projects"):
        assert (await anonymous.get(path, headers={"X-Request-ID": given})).headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize("given", ["", "x" * 129, "with space", 'quote"', "née"])
async def test_any_other_request_id_is_replaced(anonymous: httpx.AsyncClient, given: str) -> None:
    answer = await anonymous.get("/healthz", headers={b"X-Request-ID": given.encode()})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


async def test_made_request_ids_differ(anonymous: httpx.AsyncClient) -> None:
    assert len({(await anonymous.get("/healthz")).headers["x-request-id"] for _ in range(20)}) == 20


async def test_every_request_has_one_access_line(
    analyst: httpx.AsyncClient, project: str, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    await analyst.get(f"/api/v1/projects/{project}?password=hunter2", headers={"X-Request-ID": "mine"})
    (line,) = await access_lines(capsys)
    (key,) = services.keys.page(limit=10)
    assert line["request_id"] == "mine"
    assert line["method"] == "GET"
    assert line["path"] == f"/api/v1/projects/{project}"
    assert line["route"] == "/api/v1/projects/{project_id}"
    assert line["status"] == 422
    assert line["key_id"] == key.id
    assert line["duration_ms"] > 0
    assert "hunter2" not in json.dumps(line)


async def test_raw_routes_have_the_same_access_line_and_headers(
    analyst: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await analyst.post("/api/v1/events", content=b"{", headers={"X-Request-ID": "raw"})
    (line,) = await access_lines(capsys)
    assert (line["request_id"], line["route"], line["status"]) == ("raw", "/api/v1/events", answer.status_code)
    assert answer.headers["x-request-id"] == "raw"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_every_answer_has_security_headers(anonymous: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/nowhere"):
        headers = (await anonymous.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_keys_and_the_databases_address_are_never_logged(
    app: FastAPI,
    admin: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("no luck")

    made = (await admin.post("/api/v1/keys", json={"name": "k", "role": "guest"})).json()["key"]
    wrong = "mlg_" + "w" * 43
    answers = [await anonymous.get(path, headers={"X-API-Key": wrong}) for path in ("/broken", "/api/v1/projects")]
    await asyncio.sleep(0.2)
    everything = capsys.readouterr().err + "".join(answer.text for answer in answers)
    for secret in (made, wrong, admin.headers["X-API-Key"], settings.storage.database):
        assert secret not in everything
