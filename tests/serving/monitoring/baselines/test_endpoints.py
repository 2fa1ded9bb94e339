"""Baselines over HTTP: merged from days that are profiled, immutable, versioned, one of them active."""

from typing import Any

import httpx
import numpy as np
from sqlalchemy import select

from guard_store.day_state.tables import day_states
from guard_store.monitoring.aggregates import Slice
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import TableProfile
from serving.app import Services
from tests.support.model_days import MODEL, Model, day_of

BASELINES = "/api/v1/baselines"


def window(project_id: str, first: int = 0, last: int = 2, **changed: Any) -> dict[str, Any]:
    return {"project_id": project_id, "model_id": MODEL, "start": day_of(first), "end": day_of(last), **changed}


async def test_a_baseline_is_the_merge_of_its_days(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str
) -> None:
    for number in (0, 2):  # the day between has no events: nothing is missing
        await model.send(number, rows=3 + number)
        model.profile(number, rows=3 + number)
    answer = await analyst.post(BASELINES, json=window(project), headers={"X-Request-ID": "why"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["version"], made["rows"], made["active"], made["request_id"]) == (1, 8, True, "why")
    assert (made["start"], made["end"]) == (day_of(0), day_of(2))
    days = services.aggregates.profiles(project, MODEL, day_of(0), day_of(2))
    merged = TableProfile.merge([TableProfile.from_bytes(profile) for profile in days.values()])
    assert made["sha256"] == merged.digest()
    active = services.baselines.active(project, MODEL)
    assert active is not None
    assert TableProfile.from_bytes(services.baselines.profile(active.id)).digest() == made["sha256"]
    assert made["created_by"] == services.keys.page(limit=1)[0].id


async def test_days_that_are_not_profiled_with_all_their_events_are_named(
    analyst: httpx.AsyncClient, model: Model, project: str
) -> None:
    for number in range(3):
        await model.send(number)
    model.profile(0)
    model.profile(2)
    await model.send(2, rows=5)  # two more, late
    answer = await analyst.post(BASELINES, json=window(project))
    assert answer.status_code == 409
    assert answer.json()["days"] == [day_of(1), day_of(2)]
    assert f"{day_of(1)}, {day_of(2)}" in answer.json()["detail"]


async def test_a_day_that_lost_all_its_events_is_not_in_the_baseline(
    analyst: httpx.AsyncClient, model: Model, project: str
) -> None:
    for number in range(2):
        await model.send(number)
        model.profile(number)
    model.mark(0, events=0, duplicates=0)
    assert (await analyst.post(BASELINES, json=window(project))).json()["rows"] == 3


async def test_a_trend_of_the_window_is_stated_at_its_capture(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str
) -> None:
    rng = np.random.default_rng(1)
    for number in range(28):
        await model.send(number)
        values = NumericProfile.from_values(rng.normal(number / 10, size=300))
        slices = [Slice("", "", 300, {}, TableProfile(300, {"feature_temp": values}).to_bytes())]
        services.aggregates.replace_day(project, MODEL, day_of(number), slices, lake_version=1, revision=1, run_id=None)
        model.mark(number, profile_revision=1)
    steady = (await analyst.post(BASELINES, json=window(project, 0, 3))).json()
    assert (steady["trends"], steady["trend"]) == ({}, None)
    rising = (await analyst.post(BASELINES, json=window(project, 0, 27))).json()
    assert 1 < rising["trends"]["temp"] < 2
    assert rising["trend"] == (
        "temp changed steadily over the baseline's 28 days: choose a window without a trend, or expect drift"
    )
    listed = (await analyst.get(f"{model.path}/baselines")).json()["items"]
    assert [item["trend"] for item in listed] == [rising["trend"], None]


async def test_a_window_without_events_is_404_and_one_that_is_none_422(
    analyst: httpx.AsyncClient, model: Model, project: str
) -> None:
    answer = await analyst.post(BASELINES, json=window(project))
    assert answer.status_code == 404
    assert "no events" in answer.json()["detail"]
    assert (await analyst.post(BASELINES, json=window("none"))).status_code == 404
    for wrong in (window(project, 2, 0), window(project, start="yesterday"), {"project_id": project}):
        assert (await analyst.post(BASELINES, json=wrong)).status_code == 422


async def test_versions_are_listed_and_an_older_one_is_activated(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str
) -> None:
    path = f"{model.path}/baselines"
    await model.send(0)
    assert (await analyst.get(path)).json() == {"items": [], "next_cursor": None, "state": "missing_baseline"}
    model.profile(0)
    made = [(await analyst.post(BASELINES, json=window(project))).json() for _ in range(3)]
    first = (await analyst.get(path, params={"limit": 2})).json()
    assert [(item["version"], item["active"]) for item in first["items"]] == [(3, True), (2, False)]
    rest = (await analyst.get(path, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in rest["items"]] == [made[0]["id"]]

    model.mark(0, drift_revision=1)
    answer = await analyst.post(f"{path}/1/activate")
    assert (answer.status_code, answer.json()["active"]) == (200, True)
    versions = (await analyst.get(path)).json()["items"]
    assert {item["version"]: item["active"] for item in versions} == {1: True, 2: False, 3: False}
    with services.database.read() as connection:
        assert connection.scalar(select(day_states.c.drift_revision)) == 0
    assert (await analyst.post(f"{path}/4/activate")).status_code == 404
    assert (await analyst.post(f"{path}/x/activate")).status_code == 422
