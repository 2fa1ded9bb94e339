"""The page of a model: its sentence, its charts, its forms, and who may see and send them."""

import httpx
import pytest

from guard_core.formats import day
from guard_store.retraining.decisions import Actor
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.training_runs import TrainingRunStore
from ml.monitoring.verdicts.report import ColumnVerdict
from serving.app import Services
from tests.support.clients import Clients
from tests.support.model_days import MODEL, Model, day_of
from tests.support.model_history import ModelHistory
from tests.support.pages import csrf_of, sign_in

PATH = f"/projects/flights/models/{MODEL}"


@pytest.fixture
def history(services: Services, project: str) -> ModelHistory:
    return ModelHistory(services, project)


async def test_a_model_without_baseline_is_shown_with_the_way_to_one(clients: Clients, model: Model) -> None:
    await model.send(0)
    page = await (await sign_in(clients, "analyst")).get(PATH)
    assert page.status_code == 200, page.text
    assert f"<h1>{MODEL} has no baseline yet</h1>" in page.text
    assert "/api/v1/baselines" in page.text
    assert f'action="{PATH}/baselines"' in page.text
    assert f'action="{PATH}/retrain"' not in page.text  # of admins


async def test_a_model_is_shown_with_its_metric_and_links_of_its_cells(
    clients: Clients, model: Model, history: ModelHistory
) -> None:
    await model.send(0)
    baseline_id = history.capture_baseline(roc_auc=0.9)
    history.store_performance(0, {("", ""): 0.7, ("segment", "gold"): 0.6}, baseline_id=baseline_id)
    history.store_report(0, ColumnVerdict("feature_age", "numeric", "insufficient_data", "the reference is small"))
    page = await (await sign_in(clients, "admin")).get(PATH)
    assert f"<h1>{MODEL}: no alert is open; ROC AUC 0.700 is below its baseline 0.900</h1>" in page.text
    for target in (f"{PATH}/days/{day_of(0)}", f"{PATH}/features/age", f"{PATH}/slices", f"{PATH}?period=30"):
        assert f'href="{target}"' in page.text
    assert "no number of days is enough with this baseline: the reference is small" in page.text
    assert "segment gold" in page.text
    assert f'action="{PATH}/retrain"' in page.text
    history.store_performance(0, {("", ""): 0.85}, baseline_id=baseline_id)
    page = await (await sign_in(clients, "admin")).get(PATH)
    assert f"<h1>{MODEL}: no alert is open; ROC AUC 0.850 against 0.900</h1>" in page.text


async def test_drift_is_shown_by_importance_in_the_champion_once_it_is_known(
    clients: Clients, model: Model, history: ModelHistory, services: Services
) -> None:
    await model.send(0)
    client = await sign_in(clients, "admin")
    assert "No day of this range is compared with a baseline." in (await client.get(PATH)).text
    moved = ColumnVerdict("feature_age", "numeric", "drift", "moved", "psi", 0.5, drift_threshold=0.2)
    history.store_report(0, moved, ColumnVerdict("feature_size", "numeric", "no_data", "no values"))
    page = (await client.get(PATH)).text
    assert "The importance of features is measured when a version is trained here" in page
    assert f"/api/v1{PATH}/retrain" in page
    actor = Actor("key-1", "admin", None)
    flag = FlagStore(services.database).force("flights", MODEL, day_of(0), as_of_us=1, reason="drift", actor=actor)
    assert flag is not None
    trainings = TrainingRunStore(services.database)
    trainings.prepare(flag, {}, "run")
    trainings.advance(flag.id, "evaluated", evaluation={"importance": {"feature_age": 0.2, "feature_size": 0.1}})
    trainings.finish(flag, action="promoted", reason="better", version="1", champion_before=None)
    page = (await client.get(PATH)).text
    assert f"1 important feature drifts on {day(day_of(0))}: age; 1 cannot be told." in page
    assert "age: drift, effect 250 % of the threshold, importance 100 % of the highest" in page
    for name in ("age", "size"):
        assert f'href="{PATH}/features/{name}?day={day_of(0)}"' in page


async def test_the_slices_name_the_worst_only_if_its_interval_is_below_that_of_all_rows(
    clients: Clients, model: Model, history: ModelHistory
) -> None:
    await model.send(0)
    client = await sign_in(clients, "analyst")
    assert "has no labelled days" in (await client.get(f"{PATH}/slices")).text
    history.store_performance(0, {("", ""): 0.8, ("segment", "gold"): 0.7})
    assert "No slice" in (await client.get(f"{PATH}/slices")).text
    history.store_performance(0, {("", ""): 0.8, ("segment", "gold"): 0.5})
    text = (await client.get(f"{PATH}/slices")).text
    assert f"<h1>{MODEL} predicts worst for segment gold: ROC AUC 0.500 against 0.800 of all rows</h1>" in text
    assert 'aria-label="ROC AUC of segment gold by day"' in text


async def test_the_data_of_a_chart_is_that_of_the_documented_route(
    clients: Clients, analyst: httpx.AsyncClient, model: Model
) -> None:
    await model.send(0)
    client = await sign_in(clients, "analyst")
    for name, route in (
        ("matrix", "drift/matrix"),
        ("series", "series"),
        ("timeline", "timeline"),
        ("slices", "slices/series"),
    ):
        shown = await client.get(f"{PATH}/data/{name}")
        assert shown.json() == (await analyst.get(f"{model.path}/{route}")).json()


async def test_strangers_sign_in_and_keys_without_access_are_refused(
    clients: Clients, anonymous: httpx.AsyncClient, model: Model, services: Services
) -> None:
    await model.send(0)
    services.projects.create("other", "Other", "UTC")
    answer = await anonymous.get(PATH)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in")
    for client in (await sign_in(clients, "guest"), await sign_in(clients, "analyst", "other")):
        assert (await client.get(PATH)).status_code == 403
        assert (await client.get(f"{PATH}/slices")).status_code == 403


async def test_a_baseline_is_captured_by_its_form_and_only_with_the_token(
    clients: Clients, model: Model, services: Services
) -> None:
    await model.send(0)
    model.profile(0)
    client = await sign_in(clients, "analyst")
    form = {"start": day_of(0), "end": day_of(0)}
    assert (await client.post(f"{PATH}/baselines", data=form)).status_code == 403
    assert services.baselines.active("flights", MODEL) is None
    answer = await client.post(f"{PATH}/baselines", data={**form, "csrf": csrf_of(client)})
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    assert services.baselines.active("flights", MODEL) is not None


async def test_a_training_is_requested_by_an_admin_with_a_reason(
    clients: Clients, model: Model, services: Services
) -> None:
    await model.send_trainable()
    analyst, admin = await sign_in(clients, "analyst"), await sign_in(clients, "admin")
    refused = await analyst.post(f"{PATH}/retrain", data={"reason": "drift", "csrf": csrf_of(analyst)})
    assert refused.status_code == 403
    empty = await admin.post(f"{PATH}/retrain", data={"reason": " ", "csrf": csrf_of(admin)})
    assert empty.status_code == 422
    assert "reason: must not be empty" in empty.text
    form = {"reason": "drift", "as_of": "2013-01-21", "csrf": csrf_of(admin)}
    answer = await admin.post(f"{PATH}/retrain", data=form)
    assert answer.status_code == 303, answer.text
    flag = services.retrain_flags.active("flights", MODEL)
    assert flag is not None
    assert (flag.day, flag.reasons[0]["reason"]) == ("2013-01-21", "drift")


async def test_a_rollback_without_an_earlier_champion_is_a_conflict_as_over_the_api(
    clients: Clients, model: Model
) -> None:
    await model.send(0)
    admin = await sign_in(clients, "admin")
    answer = await admin.post(f"{PATH}/rollback", data={"reason": "worse", "csrf": csrf_of(admin)})
    assert answer.status_code == 409
    assert "has no champion before" in answer.text
