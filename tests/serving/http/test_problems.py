"""Every error is a problem (RFC 9457): same shape, right status, no secrets, no details of ours."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from guard_store.db.database import _SQLITE_PRAGMAS, Database
from serving.http.problems import Conflict, Problem, Unauthorised, Unavailable
from serving.http.rendering import problem_response
from serving.http.routing import MAX_BODY_BYTES
from tests.support.api import check_problem


async def test_unknown_routes_and_methods_are_problems(anonymous: httpx.AsyncClient) -> None:
    body = check_problem(await anonymous.get("/nowhere"), 404)
    assert body["instance"] == "/nowhere"
    answer = await anonymous.delete("/healthz")
    check_problem(answer, 405)
    assert answer.headers["allow"] == "GET"
    check_problem(await anonymous.get("/api/v1/events"), 405)


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        ("POST", "/api/v1/events/", "There is no such route. Did you mean POST /api/v1/events?"),
        ("POST", "/api/v1/event", "There is no such route. Did you mean POST /api/v1/events?"),
        ("POST", "/API/v1/events", "There is no such route. Did you mean POST /api/v1/events?"),
        (
            "GET",
            "/api/v1/project",
            "There is no such route. Did you mean GET /api/v1/projects or POST /api/v1/projects?",
        ),
        ("POST", "/predict/", "There is no such route. Did you mean POST /predict?"),
        ("POST", "/events", "There is no such route. Did you mean POST /api/v1/events?"),
        ("POST", "/api/v2/events", "There is no such route. Did you mean POST /api/v1/events?"),
        ("GET", "/health", "There is no such route. Did you mean GET /api/v1/health?"),
        ("GET", "/api/v1/healthz", "There is no such route. Did you mean GET /healthz?"),
        (
            "GET",
            "/api/v1/projects/p/models/m/days/",
            "There is no such route. Did you mean GET /api/v1/projects/{project_id}/models/{model_id}/days?",
        ),
        (
            "GET",
            "/projects/p/models/m/days",
            "There is no such route. Did you mean GET /api/v1/projects/{project_id}/models/{model_id}/days?",
        ),
        ("GET", "/api/nowhere-near-any-of-them", "There is no such route."),
        ("GET", "/api/v1/events", "This route does not answer GET: send POST."),
        ("PUT", "/api/v1/query", "This route does not answer PUT: send POST."),
    ],
)
async def test_an_unknown_route_or_method_is_answered_with_what_is_meant(
    analyst: httpx.AsyncClient, method: str, path: str, detail: str
) -> None:
    assert (await analyst.request(method, path)).json()["detail"] == detail


async def test_a_route_of_ours_under_the_prefix_of_language_models_is_named(analyst: httpx.AsyncClient) -> None:
    message = (await analyst.post("/v1/labels/")).json()["error"]["message"]
    assert message == "There is no such route. Did you mean POST /api/v1/labels?"


async def test_a_payload_that_does_not_fit_names_its_fields_and_not_their_values(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/v1/projects", json={"timezone": "Mars/Olympus", "colour": "hunter2"})
    body = check_problem(answer, 422)
    assert {error["field"] for error in body["errors"]} == {"name", "timezone", "colour"}  # type: ignore[attr-defined]
    assert "IANA" in str(body["detail"])
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"name": "Shop", "id": "my shop"}, "id", "must begin with a letter or digit and go on with letters, digits"),
        ({"id": "shop"}, "name", "is missing: it is required"),
        (
            {"name": "Shop", "time_zone": "UTC"},
            "time_zone",
            "is no field here; the fields are id, name, timezone, settings. Did you mean 'timezone'?",
        ),
    ],
)
async def test_a_wrong_field_is_answered_with_the_fix_in_words(
    admin: httpx.AsyncClient, body: dict[str, str], field: str, reason: str
) -> None:
    errors: Any = check_problem(await admin.post("/api/v1/projects", json=body), 422)["errors"]
    (error,) = errors
    assert error["field"] == field
    assert error["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("content_type", "detail"),
    [
        (
            "application/x-www-form-urlencoded",
            "Content-Type 'application/x-www-form-urlencoded' is not supported here: send the header Content-Type: application/json.",
        ),
        (
            "text/plain",
            "Content-Type 'text/plain' is not supported here: send the header Content-Type: application/json.",
        ),
        (None, "The body has no Content-Type: send the header Content-Type: application/json."),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/projects", "/api/v1/query"])
async def test_json_under_another_content_type_is_answered_with_the_header_to_send(
    admin: httpx.AsyncClient, path: str, content_type: str | None, detail: str
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = check_problem(await admin.post(path, content=b'{"id": "shop", "name": "Shop"}', headers=headers), 415)
    assert body["detail"] == detail


async def test_a_body_that_is_missing_is_422(admin: httpx.AsyncClient) -> None:
    check_problem(await admin.post("/api/v1/projects"), 422)


async def test_an_array_or_a_form_at_the_route_of_one_event_names_the_fix(analyst: httpx.AsyncClient) -> None:
    body = check_problem(await analyst.post("/api/v1/events", json=[{}]), 400)
    assert body["detail"] == (
        "The body is not one JSON object. Send an array, or lines of JSON, to POST /api/v1/events/batch."
    )
    body = check_problem(await analyst.post("/api/v1/events", data={"a": "b"}), 415)
    assert "send application/json (the header Content-Type: application/json); batches go to" in str(body["detail"])


async def test_json_that_is_none_is_422(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/v1/projects", content=b"{", headers={"Content-Type": "application/json"})
    check_problem(answer, 422)


async def test_without_a_key_the_body_is_not_even_looked_at(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.post("/api/v1/projects", content=b"{", headers={"Content-Type": "application/json"})
    body = check_problem(answer, 401)
    assert "X-API-Key" in str(body["detail"])
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_body_beyond_the_limit_is_413(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/v1/projects", json={"name": "x" * MAX_BODY_BYTES})
    check_problem(answer, 413)


async def test_a_database_that_cannot_serve_a_request_is_503_and_logged(
    app: FastAPI, anonymous: httpx.AsyncClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'other.db'}")

    @app.get("/locked")
    def locked() -> None:
        with database.write(), pytest.MonkeyPatch.context() as patch:
            patch.setitem(_SQLITE_PRAGMAS, "busy_timeout", 0)
            with database.write():
                pass

    answer = await anonymous.get("/locked", headers={"X-Request-ID": "find-me"})
    database.close()
    check_problem(answer, 503)
    assert answer.headers["retry-after"] == "1"
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (logged,) = [line for line in lines if "exception" in line]
    assert logged["request_id"] == "find-me"
    assert "database is locked" in logged["exception"]


async def test_what_nobody_foresaw_is_500_without_details_and_logged_with_them(
    app: FastAPI, anonymous: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("the secret inside")

    answer = await anonymous.get("/broken", headers={"X-Request-ID": "find-me"})
    check_problem(answer, 500)
    assert "secret" not in answer.text
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    logged = [line for line in lines if "exception" in line]
    assert [line["request_id"] for line in logged] == ["find-me"]
    assert "RuntimeError: the secret inside" in logged[0]["exception"]


def test_problems_carry_status_title_headers_and_members() -> None:
    response = problem_response(Conflict("Taken.", days=["2013-01-01"]), "r1", "/x")
    assert json.loads(bytes(response.body)) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "Taken.",
        "instance": "/x",
        "request_id": "r1",
        "days": ["2013-01-01"],
    }
    assert problem_response(Unavailable("Later.", retry_after_s=7), "r").headers["retry-after"] == "7"
    assert problem_response(Unauthorised("Who?"), "r").headers["www-authenticate"]
    assert json.loads(bytes(problem_response(Problem("Ours."), "r").body))["instance"] == "urn:request:r"
