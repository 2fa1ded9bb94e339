"""The page of calls and costs answers in one sentence, and links to the rows behind each number."""

from datetime import timedelta

from guard_core.days import now_us
from guard_store.ledger.entry import Entry
from tests.support.clients import Clients
from tests.support.gateway import spend
from tests.support.pages import open_browser, sign_in


async def test_the_page_has_spend_budgets_and_findings_with_links_to_the_ledger(clients: Clients, project: str) -> None:
    services = clients.services
    day = await services.gateway.day_of(project)
    budget = {"scope": "project", "scope_id": project, "measure": "cost_usd", "period": "month", "hard": 0.02}
    assert (await clients.of("admin").put("/api/v1/budgets", json=budget)).status_code == 200
    for user in ("anna", "bert"):
        await spend(services, project, day, user=user, latency_ms=400)
    services.audit.store.append(
        [
            Entry(
                at_us=now_us(), route="/query", method="POST", status=200, project_id=project,
                compliance_flag=True, flags="request.credit_card", details="{}",
            )
        ]
    )  # fmt: skip
    page = (await (await sign_in(clients, "analyst")).get("/costs", params={"project": project})).text
    assert "<h1>$0.02 this month; 1 budget is spent: calls are refused</h1>" in page
    first = (day - timedelta(30)).isoformat()
    assert f'href="/audit?project={project}&amp;from={first}&amp;to={day}&amp;user=anna"' in page
    assert f'href="/audit?project={project}&amp;flag=request.credit_card&amp;from={first}&amp;to={day}"' in page
    assert 'id="findings"' in page
    assert f"{day}: m $0.02" in page
    assert 'aria-label="Latency of calls by day"' in page
    assert page.count('<span class="note">p95 ') == 4, "of the model, two users and the key"


async def test_a_budget_with_too_little_left_for_calls_refuses_them_and_the_page_gives_the_reason(
    clients: Clients, project: str
) -> None:
    services = clients.services
    day = await services.gateway.day_of(project)
    budget = {"scope": "project", "scope_id": project, "measure": "tokens", "period": "month", "soft": 10, "hard": 20}
    admin = clients.of("admin")
    assert (await admin.put("/api/v1/budgets", json=budget)).json()["refused"] is None
    await spend(services, project, day)
    browser = await sign_in(clients, "analyst")
    page = (await browser.get("/costs")).text
    assert "1 budget is above the soft limit" in page
    await spend(services, project, day)  # refused: 15 tokens, and 5 are left
    page = (await browser.get("/costs")).text
    assert "1 budget has too little left: calls are refused</h1>" in page
    assert "above the soft limit" not in page
    assert "5 is left, and the newest refused call could have used 15. Raise the hard limit" in page
    assert (await admin.put("/api/v1/budgets", json=budget | {"hard": 30})).json()["refused"] == 15
    assert "calls are refused" not in (await browser.get("/costs")).text, "15 are left"


async def test_without_calls_the_page_has_the_command_that_sends_one(clients: Clients) -> None:
    page = (await (await sign_in(clients, "analyst")).get("/costs")).text
    assert "<h1>$0.00 this month</h1>" in page
    assert f"{clients.services.settings.server.public_address}/v1/chat/completions" in page


async def test_the_page_needs_an_analyst_of_the_project(clients: Clients, project: str) -> None:
    clients.services.projects.create("other", "Other")
    anonymous = await open_browser(clients.app).get("/costs?project=flights")
    assert (anonymous.status_code, anonymous.headers["location"]) == (303, "/sign-in?next=/costs%3Fproject%3Dflights")
    assert (await (await sign_in(clients, "guest")).get("/costs")).status_code == 403
    own = await sign_in(clients, "analyst", project)
    assert (await own.get("/costs")).status_code == 200
    assert (await own.get("/costs?project=other")).status_code == 403
    assert (await (await sign_in(clients, "analyst")).get("/costs?project=none")).status_code == 404
