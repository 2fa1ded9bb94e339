"""The scoring server of `mlflow models serve` beside `/predict`: the same rows, the same answers."""

from typing import Any

import httpx
import mlflow
import pytest
from mlflow.pyfunc import scoring_server

from guard_core.ids import registered_name
from serving.app import Services
from tests.serving.predict.registered import MODEL_ID, register

FEATURES = ("x", "z", "plan", "member")
ROWS: list[list[Any]] = [
    [x, z, plan, member]
    for x in (0, 1, 2, None)
    for z in (1, None)
    for plan in ("pro", "never seen", None)
    for member in (True, False, None)
]


@pytest.fixture
def in_serving_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the scoring server sets in the environment from other tests."""
    monkeypatch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")


@pytest.mark.usefixtures("in_serving_environment")
@pytest.mark.parametrize(
    "options", [{"threshold": 0.2}, {"threshold": 0.8, "labels": ("no", "yes"), "positive": "no"}, {"level": 3}]
)
async def test_mlflow_serves_what_predict_answers(
    options: dict[str, Any], analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    register(services.settings, project, **options)
    services.predict.pool.poll()
    instances = [{"features": dict(zip(FEATURES, row, strict=True))} for row in ROWS]
    answer = await analyst.post("/predict", json={"instances": instances})
    assert answer.status_code == 200, answer.text
    expected = [prediction["prediction"] for prediction in answer.json()["predictions"]]

    mlflow.set_tracking_uri(services.settings.storage.mlflow)
    model = mlflow.pyfunc.load_model(f"models:/{registered_name(project, MODEL_ID)}@champion")
    transport = httpx.ASGITransport(scoring_server.init(model))
    body: dict[str, Any] = {"dataframe_split": {"columns": list(FEATURES), "data": ROWS}}
    async with httpx.AsyncClient(transport=transport, base_url="http://mlflow") as scoring:
        served = await scoring.post("/invocations", json=body)
        records = await scoring.post("/invocations", json={"dataframe_records": [i["features"] for i in instances]})
        refused = await scoring.post(
            "/invocations", json={"dataframe_split": {"columns": list(FEATURES), "data": [["much", 1, None, None]]}}
        )
        assert served.status_code == 200, served.text
        assert served.json()["predictions"] == (pytest.approx(expected, rel=1e-4) if "level" in options else expected)
        assert records.json() == served.json()
        assert (refused.status_code, "feature x must be a number" in refused.text) == (400, True)
        if "level" in options:
            return
        probable = await scoring.post("/invocations", json={**body, "params": {"predict_method": "predict_proba"}})
    positive = model.metadata.metadata["classes"].index(model.metadata.metadata["positive"])
    of_positive = [scores[positive] for scores in probable.json()["predictions"]]
    assert of_positive == pytest.approx([p["probability"] for p in answer.json()["predictions"]], abs=1e-4)
