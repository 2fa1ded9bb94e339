"""Across rooms: a model that the pipelines have trained answers, and its prediction can be traced back to the data."""

import asyncio
from typing import Any

import httpx
import pytest

from guard_store.auth.store import KeyStore
from guard_store.projects.store import ProjectStore
from serving.app import create_app
from tests.support.clients import _logging_as_before
from tests.support.pipeline_projects import MODEL, PROJECT, send_days, train_first
from tests.support.pipelines import Pipelines, home, instance, pipelines

__all__ = ["_logging_as_before", "home", "instance", "pipelines"]

FEATURES = {"x": 1.0, "plan": "a"}


@pytest.mark.usefixtures("_logging_as_before")
def test_a_prediction_is_traced_back_to_its_version_training_data_flag_and_drift_report(
    pipelines: Pipelines,
) -> None:
    train_first(pipelines)
    send_days(pipelines.database, 11, 18, turned=True)
    pipelines.settle()
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success
    answers = asyncio.run(_asked(pipelines))
    told, found, detail = answers["told"], answers["found"], answers["detail"]
    assert found["prediction"]["event_id"] == told["event_id"]
    assert found["prediction"]["prediction"] == told["prediction"]
    assert found["ledger_row"]["seq"] > 0
    assert found["model_version"] == {"version": "2", "aliases": ["champion"]}
    assert found["training_run"]["data"]["held_last_day"] == "2013-01-18"
    assert "performance" in [reason["rule"] for reason in found["flag"]["reasons"]]
    assert found["drift_report"]["day"] == "2013-01-18"
    assert found["baseline"]["end"] == "2013-01-10"
    assert answers["by event"] == found
    for name in ("version", "mlflow run", "dagster run", "flag"):
        assert answers[f"by {name}"] == {**found, "day": None, "prediction": None, "ledger_row": None}
    assert answers["nothing"]["status"] == 404
    assert answers["stranger"]["status"] == 404
    assert detail["model_card"].startswith("# Model card: p/m")
    assert "| x | numeric |" in detail["data_card"]
    assert detail["decisions"][0]["action"] == "promoted"
    assert detail["evaluation"]["against"] == "champion"
    assert answers["compared"]["same_days"] is False
    assert answers["compared"]["metrics"]["roc_auc"]["difference"] is not None


async def _asked(pipelines: Pipelines) -> dict[str, Any]:
    keys = KeyStore(pipelines.database)
    ProjectStore(pipelines.database).create("other", "Other")
    _, key = keys.create("analyst", "analyst", PROJECT)
    _, stranger = keys.create("stranger", "analyst", "other")
    app = create_app(pipelines.settings)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guard", headers={"X-API-Key": key})
    model = f"/api/v1/projects/{PROJECT}/models/{MODEL}"
    answers: dict[str, Any] = {}
    async with app.router.lifespan_context(app), client:

        async def ask(name: str, path: str, **options: Any) -> None:
            answers[name] = (await client.get(path, **options)).json()

        told = await client.post("/predict", json={"features": FEATURES}, headers={"X-Request-ID": "asked"})
        answers["told"] = told.json()
        while not answers.get("found", {}).get("prediction"):  # the event is stored a moment after the answer
            await asyncio.sleep(0.02)
            await ask("found", "/api/v1/lineage/asked")
        run, flag = answers["found"]["training_run"], answers["found"]["flag"]
        for name, trace_id in (
            ("by event", answers["told"]["event_id"]),
            ("by version", f"{PROJECT}~{MODEL}/2"),
            ("by mlflow run", run["mlflow_run_id"]),
            ("by dagster run", run["dagster_run_id"]),
            ("by flag", flag["id"]),
            ("nothing", "nothing"),
        ):
            await ask(name, f"/api/v1/lineage/{trace_id}")
        await ask("stranger", "/api/v1/lineage/asked", headers={"X-API-Key": stranger})
        await ask("detail", f"{model}/versions/2")
        await ask("compared", f"{model}/comparison", params={"a": "1", "b": "2"})
    return answers
