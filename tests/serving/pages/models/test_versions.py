"""Pages of versions: the sentence, links, empty states, and forms that promote and reject."""

import httpx
import pytest

from guard_store.retraining.registry import CHALLENGER, CHAMPION, Registry
from serving.app import Services
from serving.pages.models.versions import draw_curves
from serving.retraining.versions.schemas import Curve, ModelCurves, Residuals
from tests.serving.predict.registered import MODEL_ID, register
from tests.support.clients import Clients
from tests.support.pages import csrf_of, sign_in

PATH = f"/projects/flights/models/{MODEL_ID}"


@pytest.fixture
def two_versions(services: Services, project: str) -> Registry:
    """Version 1 is champion, version 2 challenger."""
    registry = Registry(services.settings.storage.mlflow)
    register(services.settings, project, level=1)
    registry.set_alias(project, MODEL_ID, CHALLENGER, register(services.settings, project, level=2, champion=False))
    return registry


@pytest.mark.usefixtures("project")
async def test_a_model_without_versions_shows_the_command_that_trains_one(clients: Clients) -> None:
    page = (await (await sign_in(clients, "analyst")).get(f"{PATH}/versions")).text
    assert "<h1>No version has been trained yet</h1>" in page
    assert f"/api/v1{PATH}/retrain" in page


async def test_a_person_promotes_by_the_form_with_a_reason_and_the_page_shows_the_decision(
    clients: Clients, two_versions: Registry
) -> None:
    client = await sign_in(clients, "admin")
    page = (await client.get(f"{PATH}/versions")).text
    assert "<h1>v1 serves; v2 awaits a decision</h1>" in page
    assert f"{PATH}/comparison?a=1&amp;b=2" in page
    token = csrf_of(client)
    assert (await client.post(f"{PATH}/versions/2/promote", data={"reason": "shadow"})).status_code == 403
    assert (await client.post(f"{PATH}/versions/2/promote", data={"csrf": token, "reason": " "})).status_code == 422
    assert two_versions.aliases("flights", MODEL_ID)[CHAMPION] == "1"
    answer = await client.post(f"{PATH}/versions/2/promote", data={"csrf": token, "reason": "better in shadow"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}/versions/2")
    assert two_versions.aliases("flights", MODEL_ID)[CHAMPION] == "2"
    page = (await client.get(f"{PATH}/versions/2")).text
    assert "<h1>v2 serves since " in page
    assert "better in shadow" in page
    assert "trained before curves were kept" in page
    assert (await client.post(f"{PATH}/versions/1/reject", data={"csrf": token, "reason": "old"})).status_code == 303
    assert "v1 was rejected: old" in (await client.get(f"{PATH}/versions/1")).text


@pytest.mark.usefixtures("two_versions")
async def test_who_may_not_read_or_decide_is_refused(
    anonymous: httpx.AsyncClient, clients: Clients, services: Services
) -> None:
    services.projects.create("other", "Other", "UTC")
    answer = await anonymous.get(f"{PATH}/versions/1")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={PATH}/versions/1")
    stranger = await sign_in(clients, "admin", "other")
    assert (await stranger.get(f"{PATH}/versions")).status_code == 403
    client = await sign_in(clients, "analyst")
    token = csrf_of(client)
    assert "/promote" not in (await client.get(f"{PATH}/versions/2")).text
    assert (await client.post(f"{PATH}/versions/2/promote", data={"csrf": token, "reason": "x"})).status_code == 403


@pytest.mark.usefixtures("two_versions")
async def test_two_versions_are_compared_on_a_page(clients: Clients) -> None:
    page = (await (await sign_in(clients, "analyst")).get(f"{PATH}/comparison", params={"a": "1", "b": "2"})).text
    assert "v2 against v1: measured on different days" in page
    assert "v1 and v2 were trained before curves were kept" in page


def test_curves_of_two_models_are_drawn_over_each_other() -> None:
    curves = ModelCurves(
        roc=Curve(x=[0, 1], y=[0, 1]),
        calibration=Curve(x=[0.25], y=[0.5], rows=[1200]),
        residuals=Residuals(edges=[-1, 0, 1], rows=[1, 3]),
    )
    charts = dict(draw_curves({"v2": curves, "v1": curves}))
    assert list(charts) == ["ROC", "Calibration", "Residuals"]
    assert '<g class="line current">' in charts["ROC"]
    assert '<g class="line reference">' in charts["ROC"]
    assert "diagonal" in charts["ROC"]
    assert "v2: 0.5 at 0.25, 1,200 rows" in charts["Calibration"]
