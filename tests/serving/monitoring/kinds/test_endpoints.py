"""Kinds over HTTP: what was learned, what was set, and that a set kind reads the days again."""

import httpx
import pytest
from sqlalchemy import select

from guard_store.day_state.tables import day_states
from serving.app import Services
from tests.support.model_days import MODEL, Model


async def test_kinds_are_listed_by_feature_and_for_the_prediction(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str
) -> None:
    await model.send(0)
    assert (await analyst.get(f"{model.path}/kinds")).json()["state"] == "not_processed"
    services.kinds.learn(project, MODEL, {"feature_age": "numeric", "y_pred": "categorical"})
    items = (await analyst.get(f"{model.path}/kinds")).json()["items"]
    assert [(item["feature"], item["kind"], item["source"]) for item in items] == [
        ("age", "numeric", "learned"),
        (None, "categorical", "learned"),
    ]


@pytest.mark.parametrize("feature", ["age", "a/b", "née", "feature_x", "kinds"])
async def test_a_set_kind_stays_and_reads_the_days_again(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str, feature: str
) -> None:
    await model.send(0)
    model.profile(0)
    services.kinds.learn(project, MODEL, {f"feature_{feature}": "numeric"})
    answer = await analyst.put(f"{model.path}/kinds/{feature}", json={"kind": "text"}, headers={"X-Request-ID": "why"})
    assert answer.status_code == 200
    assert (answer.json()["feature"], answer.json()["kind"], answer.json()["source"]) == (feature, "text", "override")
    assert services.kinds.of(project, MODEL)[f"feature_{feature}"] == "text"
    with services.database.read() as connection:
        row = connection.execute(select(day_states)).one()
    assert (row.lake_revision, row.profile_revision, row.drift_revision, row.request_id) == (0, 0, 0, "why")


async def test_the_predictions_kind_is_set_apart(analyst: httpx.AsyncClient, model: Model, services: Services) -> None:
    path = f"{model.path}/prediction-kind"
    assert (await analyst.put(path, json={"kind": "numeric"})).json()["feature"] is None
    assert (await analyst.put(path, json={"kind": "text"})).status_code == 422
    assert (await analyst.put(f"{model.path}/kinds/age", json={"kind": "colour"})).status_code == 422


async def test_a_forgotten_kind_is_learned_anew_from_days_read_again(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str
) -> None:
    await model.send(0)
    model.profile(0)
    kinds = {"feature_age": "numeric", "feature_Age": "text", "y_pred": "categorical", "y_true": "categorical"}
    services.kinds.learn(project, MODEL, kinds)
    assert (await analyst.delete(f"{model.path}/kinds/Age", headers={"X-Request-ID": "why"})).status_code == 204
    assert services.kinds.of(project, MODEL) == {name: kind for name, kind in kinds.items() if name != "feature_Age"}
    with services.database.read() as connection:
        row = connection.execute(select(day_states)).one()
    assert (row.lake_revision, row.profile_revision, row.request_id) == (0, 0, "why")
    assert (await analyst.delete(f"{model.path}/prediction-kind")).status_code == 204
    assert services.kinds.of(project, MODEL) == {"feature_age": "numeric"}


async def test_a_kind_that_is_not_known_cannot_be_forgotten(
    analyst: httpx.AsyncClient, anonymous: httpx.AsyncClient, model: Model
) -> None:
    answer = await analyst.delete(f"{model.path}/kinds/Age")
    assert (answer.status_code, "has no kind of 'Age'" in answer.json()["detail"]) == (404, True)
    assert (await analyst.delete(f"{model.path}/prediction-kind")).status_code == 404
    assert (await anonymous.delete(f"{model.path}/kinds/Age")).status_code in {401, 403}
