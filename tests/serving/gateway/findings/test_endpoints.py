"""Findings are counted by the local day of their project, by rule and by model."""

from datetime import datetime

import httpx

from guard_core.days import microseconds
from guard_store.ledger.entry import Entry
from serving.app import Services
from tests.support.clients import Clients

RANGE = {"start": "2026-03-01", "end": "2026-03-03"}


def record(services: Services, project: str | None, at: str, flags: str, model: str | None = "m") -> None:
    entry = Entry(
        at_us=microseconds(datetime.fromisoformat(at)),
        route="/v1/chat/completions",
        method="POST",
        status=200,
        project_id=project,
        model=model,
        compliance_flag=True,
        flags=flags,
        details="{}",
    )
    services.audit.store.append([entry])


async def test_requests_count_on_the_local_day_of_their_project(
    services: Services, analyst: httpx.AsyncClient, project: str
) -> None:
    record(services, project, "2026-03-02T04:59:00+00:00", "request.email,request.ssn")  # 1 March in New York
    record(services, project, "2026-03-02T05:00:00+00:00", "request.email")
    record(services, None, "2026-03-02T04:59:00+00:00", "response.email", model=None)  # without a project: in UTC
    record(services, project, "2026-03-04T06:00:00+00:00", "request.email")  # outside
    findings = (await analyst.get("/api/v1/policy/findings", params=RANGE)).json()
    assert findings["days"] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert findings["requests"] == [1, 2, 0]
    assert findings["rules"] == [
        {"rule": "email", "side": "request", "requests": [1, 1, 0]},
        {"rule": "ssn", "side": "request", "requests": [1, 0, 0]},
        {"rule": "email", "side": "response", "requests": [0, 1, 0]},
    ]
    assert findings["models"] == [{"model": "m", "requests": [1, 1, 0]}, {"model": None, "requests": [0, 1, 0]}]


async def test_a_denied_tool_is_no_finding_of_a_content_policy(
    services: Services, analyst: httpx.AsyncClient, project: str
) -> None:
    record(services, project, "2026-03-02T12:00:00+00:00", "tool.denied", model=None)
    record(services, project, "2026-03-02T12:00:00+00:00", "request.email,tool.denied")
    findings = (await analyst.get("/api/v1/policy/findings", params=RANGE)).json()
    assert findings["requests"] == [0, 1, 0]
    assert findings["rules"] == [{"rule": "email", "side": "request", "requests": [0, 1, 0]}]
    assert findings["models"] == [{"model": "m", "requests": [0, 1, 0]}]
    assert services.audit.store.count_flags(0) == {"request.email": 1}


async def test_a_key_of_one_project_reads_its_findings_only(clients: Clients, project: str) -> None:
    clients.services.projects.create("other", "Other")
    record(clients.services, "other", "2026-03-02T12:00:00+00:00", "request.email")
    own = clients.of("analyst", project)
    assert (await own.get("/api/v1/policy/findings", params=RANGE)).json()["rules"] == []
    foreign = await own.get("/api/v1/policy/findings", params={"project_id": "other"})
    assert foreign.status_code == 403


async def test_a_range_of_more_than_a_year_is_refused(analyst: httpx.AsyncClient) -> None:
    answer = await analyst.get("/api/v1/policy/findings", params={"start": "2024-01-01", "end": "2026-01-01"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "start", "reason": "the range has more than 366 days"}]
