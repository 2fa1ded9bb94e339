"""The pages of a feature and of a day: sentence, links, empty states, and who may read them."""

import numpy as np

from ml.monitoring.verdicts.report import ColumnVerdict, DriftReport, SliceVerdict
from tests.support.alert_facts import Facts
from tests.support.clients import Clients
from tests.support.judged_days import JudgedDays
from tests.support.model_days import MODEL, Model, day_of
from tests.support.pages import sign_in


async def test_pages_show_a_drifting_feature_and_its_day(clients: Clients, model: Model, project: str) -> None:
    path = f"/projects/{project}/models/{MODEL}"
    client = await sign_in(clients, "analyst", project)
    await model.send(0)
    assert "No day of late has a drift report yet" in (await client.get(f"{path}/features/age")).text
    assert "No events on 2 Jan 2013" in (await client.get(f"{path}/days/{day_of(1)}")).text
    await model.send(1)
    assert "not processed yet" in (await client.get(f"{path}/days/{day_of(1)}")).text
    days = JudgedDays(clients.services, project)
    rng = np.random.default_rng(1)
    days.add(1, {"feature_age": rng.normal(size=900), "feature_carrier": ["AA"] * 900})
    assert "there is no baseline" in (await client.get(f"{path}/days/{day_of(1)}")).text
    days.capture({"feature_age": rng.normal(size=2_000), "feature_carrier": ["AA"] * 2_000})
    days.add(1, {"feature_age": rng.normal(size=900) + 5, "feature_carrier": ["AA"] * 900})
    page = await client.get(f"{path}/features/age?day={day_of(1)}")
    assert page.status_code == 200
    assert "<h1>age lies" in page.text
    assert "drift on 2 Jan 2013; PSI" in page.text
    assert "Below the dashed line, chance alone explains the effect." in page.text
    constant = (await client.get(f"{path}/features/carrier?day={day_of(1)}")).text
    assert "How far chance alone moves Jensen-Shannon distance of this column is not known" in constant
    for link in (
        f"{path}/days/{day_of(1)}",
        f"{path}/features/age?day={day_of(0)}",
        f"/api/v1{path}/drift/{day_of(1)}",
    ):
        assert link in page.text
    day = (await client.get(f"{path}/days/{day_of(1)}")).text
    assert "<h1>3 events on 2 Jan 2013: drift of age</h1>" in day
    assert f"{path}/features/carrier?day={day_of(1)}" in day
    model.mark(1, failed_revision=1, attempts=2, error="no such column")
    assert "no such column" in (await client.get(f"{path}/days/{day_of(1)}")).text
    assert (await client.get(f"{path}/features/carrier")).status_code == 200


async def test_the_page_of_a_day_lists_its_slices_the_worst_first(clients: Clients, model: Model, project: str) -> None:
    await model.send(1)
    moved = ColumnVerdict("feature_age", "numeric", "drift", "psi 0.4 reaches 0.2")
    slices = (
        SliceVerdict("segment", "us", "stable", "1 of 1 columns as in the baseline", 900, 900, 5_000),
        SliceVerdict("model_version", "v2", "drift", "1 of 1 columns; age: psi", 300, 300, 1_000, 1, (moved,)),
    )
    report = DriftReport("stable", "1 of 1 columns", (), slices, 2).to_dict()
    clients.services.drift_reports.replace(
        project,
        MODEL,
        day_of(1),
        state="stable",
        report=report,
        baseline_id=None,
        window_days=1,
        revision=1,
        run_id=None,
    )
    client = await sign_in(clients, "analyst", project)
    page = (await client.get(f"/projects/{project}/models/{MODEL}/days/{day_of(1)}")).text
    assert "<h1>3 events on 2 Jan 2013: no drift of the whole, drift in model version v2</h1>" in page
    assert page.index("model version v2</th>") < page.index("segment us</th>")
    assert "2 smaller slices not judged." in page


async def test_the_page_of_a_day_says_which_alerts_were_open_and_what_the_retrain_rule_said(
    clients: Clients, model: Model, project: str
) -> None:
    for number in range(4):
        await model.send(number)
    facts = Facts(clients.services.database)
    facts.policy("drift", when="drift")
    facts.drift(day_of(1), message="Drift in age.")
    facts.drift(day_of(2), op="clears", message="No drift.")
    facts.fold()
    (alert,) = facts.alerts()
    result = {
        "reasons": [{"rule": "age", "age_days": 31, "max_age_days": 30}],
        "against": [{"rule": "cooldown", "days_since_flag": 1, "cooldown_days": 14}],
    }
    clients.services.evaluations.replace(
        project, MODEL, day_of(1), recommended=False, result=result, as_of_us=1, run_id="run", request_id=None
    )
    client = await sign_in(clients, "analyst", project)
    pages = [(await client.get(f"/projects/{project}/models/{MODEL}/days/{day_of(n)}")).text for n in range(4)]
    link = f'href="/incidents/{alert.incident_id}">Drift in age.'
    assert [link in page for page in pages] == [False, True, alert.day == day_of(2), False]
    assert "the champion is 31 days old, 30 are allowed, but the last flag is 1 day old" in pages[1]
    assert "What came of it" not in pages[0]


async def test_only_analysts_of_the_project_read_the_pages(clients: Clients, project: str) -> None:
    clients.services.projects.create("other", "Other")
    for page in (f"features/age?day={day_of(1)}", f"days/{day_of(1)}"):
        path = f"/projects/{project}/models/{MODEL}/{page}"
        for client in (await sign_in(clients, "guest"), await sign_in(clients, "admin", "other")):
            assert (await client.get(path)).status_code == 403
            client.cookies.clear()
            assert (await client.get(path)).headers["location"].startswith("/sign-in?next=")


async def test_the_page_of_a_model_states_the_trend_of_its_baseline(
    clients: Clients, model: Model, project: str
) -> None:
    await model.send(1)
    clients.services.baselines.capture(
        project,
        MODEL,
        day_of(0),
        day_of(27),
        rows=1,
        sha256="0" * 64,
        profile=b"x",
        design_effects={},
        trends={"feature_temp": 1.2},
        created_by=None,
        request_id=None,
    )
    client = await sign_in(clients, "analyst", project)
    page = await client.get(f"/projects/{project}/models/{MODEL}")
    assert "Baseline 1: temp changed steadily over the baseline&#39;s 28 days" in page.text
