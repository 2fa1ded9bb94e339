"""The preview of a drift threshold, from the effects of stored reports."""

from typing import Any

import httpx
import pytest

from serving.app import Services
from tests.support.clients import Clients
from tests.support.pages import sign_in

PATH = "/api/v1/projects/flights/models/late/drift/preview"


def verdict(column: str, state: str, method: str, effect: float, p: float = 0.0001) -> dict[str, Any]:
    return {"column": column, "state": state, "method": method, "effect": effect, "adjusted_p_value": p}


@pytest.fixture
def reports(services: Services, project: str) -> None:
    """Four days: a drift, two near it (one not significant), and a drift that another method has decided."""
    columns = [
        [verdict("age", "drift", "psi", 0.25)],
        [verdict("age", "warning", "psi", 0.17), verdict("fare", "stable", "psi", 0.01)],
        [verdict("age", "stable", "psi", 0.18, p=0.3)],
        [verdict("age", "stable", "psi", 0.02), verdict("carrier", "drift", "jensen_shannon", 0.2)],
    ]
    for number, verdicts in enumerate(columns, start=1):
        state = "drift" if any(item["state"] == "drift" for item in verdicts) else "stable"
        services.drift_reports.replace(
            project,
            "late",
            f"2013-01-0{number}",
            state=state,
            baseline_id=None,
            window_days=1,
            report={"columns": verdicts},
            revision=1,
            run_id=None,
        )


@pytest.mark.usefixtures("reports")
async def test_a_lower_threshold_adds_significant_days_only(analyst: httpx.AsyncClient) -> None:
    preview = (await analyst.get(PATH, params={"threshold": 0.15})).json()
    assert (preview["method"], preview["current_threshold"]) == ("psi", 0.2)
    assert preview["days"] == ["2013-01-01", "2013-01-02", "2013-01-03", "2013-01-04"]
    assert preview["drift"] == [True, False, False, True]
    assert preview["drift_with_threshold"] == [True, True, False, True]
    assert (preview["alerts"], preview["alerts_with_threshold"]) == (0, 1), "two of three days"
    assert (preview["added_columns"], preview["removed_columns"]) == ({"age": 1}, {})
    assert len(preview["ignored"]) == 2


@pytest.mark.usefixtures("reports")
async def test_a_higher_threshold_removes_days_of_its_method_only(analyst: httpx.AsyncClient) -> None:
    preview = (await analyst.get(PATH, params={"threshold": 0.5, "days": 4})).json()
    assert preview["drift_with_threshold"] == [False, False, False, True]
    assert preview["removed_columns"] == {"age": 1}
    other = (await analyst.get(PATH, params={"threshold": 0.5, "method": "jensen_shannon", "days": 1})).json()
    assert (other["days"], other["drift_with_threshold"]) == (["2013-01-04"], [False])


@pytest.mark.usefixtures("reports")
async def test_a_column_with_a_threshold_of_its_own_stays_as_it_is(admin: httpx.AsyncClient) -> None:
    settings = {"drift": {"overrides": {"age": {"drift": 0.24}}}}
    await admin.patch("/api/v1/projects/flights", json={"settings": settings})
    preview = (await admin.get(PATH, params={"threshold": 0.15})).json()
    assert preview["drift_with_threshold"] == preview["drift"]


@pytest.mark.usefixtures("reports")
@pytest.mark.parametrize("threshold", ["0", "-1", "nan", "much"])
async def test_a_wrong_threshold_is_named(analyst: httpx.AsyncClient, threshold: str) -> None:
    answer = await analyst.get(PATH, params={"threshold": threshold})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "threshold"


@pytest.mark.usefixtures("reports")
async def test_the_page_shows_the_preview_as_a_sentence(clients: Clients) -> None:
    client = await sign_in(clients, "analyst")
    page = (await client.get("/settings/projects/flights?model=late&threshold=0.15")).text
    words = (
        "With 0.15 for psi you would have had 1 alert more (1 instead of 0) in the last 4 days with a report;"
        " 3 drift days instead of 2."
    )
    assert words in page
