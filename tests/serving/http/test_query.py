"""Query parameters that no route declares are refused by the APIs, and ignored by pages and probes."""

import httpx
import pytest

from tests.support.api import check_problem


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        (
            "/api/v1/projects/flights/models/late/metrics?from=2013-01-01",
            "There is no query parameter 'from': this route accepts fields, start, end, dimension, value, cursor, limit.",
        ),
        (
            "/api/v1/projects/flights/models/late/drift?strat=2013-01-01",
            "There is no query parameter 'strat': this route accepts fields, start, end, cursor, limit. Did you mean 'start'?",
        ),
        (
            "/api/v1/projects?LIMIT=5&days=",
            "There is no query parameter 'LIMIT': this route accepts fields, cursor, limit. Did you mean 'limit'?",
        ),
        ("/api/v1/projects/flights?verbose", "There is no query parameter 'verbose': this route accepts none."),
        ("/api/v1/audit?sinse=2013-01-01", "since, until, cursor, limit. Did you mean 'since'?"),
    ],
)
async def test_a_route_refuses_unknown_query_parameters_and_names_those_it_accepts(
    admin: httpx.AsyncClient, project: str, path: str, detail: str
) -> None:
    body = check_problem(await admin.get(path), 422)
    assert str(body["detail"]).endswith(detail)


async def test_each_unknown_parameter_is_an_error_of_its_own(analyst: httpx.AsyncClient) -> None:
    body = check_problem(await analyst.get("/api/v1/projects?a=1&limit=5&b=2"), 422)
    assert [error["field"] for error in body["errors"]] == ["a", "b"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "accepted"),
    [
        ("/api/v1/events/batch?atomik=true", "accepts atomic. Did you mean 'atomic'?"),
        ("/api/v1/labels?atomik=true", "accepts atomic. Did you mean 'atomic'?"),
        ("/api/v1/events?atomic=true", "accepts none."),
        ("/predict?explain=true", "accepts none."),
    ],
)
async def test_raw_routes_refuse_them_too(analyst: httpx.AsyncClient, path: str, accepted: str) -> None:
    assert str(check_problem(await analyst.post(path, json={}), 422)["detail"]).endswith(accepted)


async def test_a_caller_without_a_key_learns_no_parameters(anonymous: httpx.AsyncClient) -> None:
    check_problem(await anonymous.get("/api/v1/projects?a=1"), 401)


@pytest.mark.parametrize("path", ["/sign-in?utm_source=mail&fbclid=1", "/healthz?ts=1", "/metrics?collect[]=cpu"])
async def test_pages_and_probes_ignore_what_mail_and_monitoring_append(anonymous: httpx.AsyncClient, path: str) -> None:
    assert (await anonymous.get(path)).status_code == 200


async def test_routes_of_the_openai_protocol_ignore_parameters_of_other_servers(analyst: httpx.AsyncClient) -> None:
    answer = await analyst.get("/v1/models?api-version=2024-10-21")
    assert answer.status_code == (await analyst.get("/v1/models")).status_code
    assert "api-version" not in answer.text
