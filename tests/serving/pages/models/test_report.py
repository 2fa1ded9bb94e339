"""The page of a monthly report: its sentence, its links, its file, how it prints, and who may see it."""

import asyncio
import io
import re
from dataclasses import dataclass

import httpx
import pypdf
import pytest

from ml.monitoring.verdicts.report import ColumnVerdict
from serving.app import Services
from tests.support.browser import open_window
from tests.support.clients import Clients
from tests.support.model_days import MODEL, Model, day_of
from tests.support.model_history import ModelHistory
from tests.support.pages import sign_in

MODEL_PAGE = f"/projects/flights/models/{MODEL}"
PATH = f"{MODEL_PAGE}/report"
_A4_TEXT_WIDTH = 703  # pixels of 210 mm less both margins


@dataclass(frozen=True)
class Printed:
    """A document as it is printed."""

    sizes: set[tuple[int, int]]
    background: str
    overflows: bool


def print_document(text: str) -> Printed:
    with open_window(_A4_TEXT_WIDTH, "dark") as window:
        page = window.new_page()
        page.set_content(text)
        pdf = page.pdf(prefer_css_page_size=True)
        page.emulate_media(media="print")
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        overflows = page.evaluate(
            "[...document.querySelectorAll('svg.chart, table')].some(e => e.getBoundingClientRect().right > innerWidth)"
        )
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return Printed({(round(page.mediabox.width), round(page.mediabox.height)) for page in pages}, background, overflows)


@pytest.fixture
async def measured(services: Services, project: str, model: Model) -> ModelHistory:
    """A model with a measured and a drifted day in January, and events in March."""
    history = ModelHistory(services, project)
    await model.send(0)
    await model.send(1)
    await model.send(60)
    baseline_id = history.capture_baseline(roc_auc=0.8)
    history.store_performance(0, {("", ""): 0.5}, baseline_id=baseline_id)
    verdict = ColumnVerdict("feature_age", "numeric", "drift", "far", method="psi", effect=0.9, drift_threshold=0.2)
    history.store_report(1, verdict, state="drift")
    return history


async def test_a_report_begins_with_its_sentence_and_links_its_marks_and_neighbours(
    clients: Clients, measured: ModelHistory
) -> None:
    page = (await (await sign_in(clients, "analyst")).get(f"{PATH}?month=2013-01")).text
    sentence = "late predicted worse than in its baseline in January 2013: ROC AUC 0.500 (0.400 to 0.600) against 0.800"
    assert f"<h1>{sentence}; age (1 day) drifted; 2 days not processed</h1>" in page
    for target in (
        f"{MODEL_PAGE}/days/{day_of(0)}",
        f"{MODEL_PAGE}/features/age",
        f"{MODEL_PAGE}/features/age?day={day_of(1)}",
        f"{PATH}?month=2013-03",
        f"{PATH}?month=2013-01&amp;download=1",
        f"/api/v1{PATH}?month=2013-01",
    ):
        assert f'href="{target}"' in page, target
    assert "month=2013-02" not in page  # it has no events


async def test_the_model_links_to_its_report(clients: Clients, measured: ModelHistory) -> None:
    assert f'href="{PATH}"' in (await (await sign_in(clients, "analyst")).get(MODEL_PAGE)).text


async def test_a_month_without_events_shows_how_to_import_it_and_where_there_are_some(
    clients: Clients, measured: ModelHistory
) -> None:
    page = (await (await sign_in(clients, "analyst")).get(f"{PATH}?month=2013-02")).text
    assert "<h1>late has no events in February 2013</h1>" in page
    assert "ml-guard import" in page
    assert f'href="{PATH}?month=2013-01"' in page
    assert f'href="{PATH}?month=2013-03"' in page


async def test_the_file_is_complete_in_itself_and_its_links_lead_to_the_server(
    clients: Clients, measured: ModelHistory
) -> None:
    answer = await (await sign_in(clients, "analyst")).get(f"{PATH}?month=2013-01&download=1")
    assert answer.headers["content-disposition"] == 'attachment; filename="flights-late-2013-01.html"'
    text = answer.text
    assert len(answer.content) < 300_000
    assert "<script" not in text
    assert "<link" not in text
    assert not re.search(r'src="|url\(', text)
    assert re.search(r'<base href="http://[^"]+/">', text)
    assert "@page" in text
    assert "Sign out" not in text
    assert "predicted worse than in its baseline" in text


async def test_a_report_prints_on_a4_in_light_colours_without_clipped_charts(
    clients: Clients, measured: ModelHistory
) -> None:
    file = (await (await sign_in(clients, "analyst")).get(f"{PATH}?month=2013-01&download=1")).text
    printed = await asyncio.to_thread(print_document, file)
    assert printed.sizes == {(595, 842)}
    assert printed.background == "rgb(255, 255, 255)"
    assert not printed.overflows


async def test_a_bad_month_is_an_error_page_with_the_form_of_a_month(clients: Clients, measured: ModelHistory) -> None:
    answer = await (await sign_in(clients, "analyst")).get(f"{PATH}?month=2013-13")
    assert answer.status_code == 422
    assert "month: must be a month like 2013-03" in answer.text


async def test_strangers_sign_in_and_keys_without_access_are_refused(
    clients: Clients, anonymous: httpx.AsyncClient, measured: ModelHistory, services: Services
) -> None:
    services.projects.create("other", "Other", "UTC")
    answer = await anonymous.get(PATH)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in")
    for client in (await sign_in(clients, "guest"), await sign_in(clients, "analyst", "other")):
        assert (await client.get(PATH)).status_code == 403
        assert (await client.get(f"{PATH}?download=1")).status_code == 403
