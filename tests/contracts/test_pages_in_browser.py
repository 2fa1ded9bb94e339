"""Every page, in a real browser, on a project whose loop has gone round: nothing breaks, whatever the width and the colours.

The walk follows the links of each page. Of addresses that differ only in ids, days and queries it visits a few.
"""

import re
from collections import Counter
from urllib.parse import urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.routing import APIRoute
from playwright.sync_api import ConsoleMessage, Page

from guard_core.days import local_days, now_us
from guard_store.auth.sessions import SessionStore, SignedIn
from serving.pages.routers import ROUTERS
from tests.support.browser import Scheme, open_window
from tests.support.pipeline_projects import MODEL, PROJECT, send_days, train_first
from tests.support.pipelines import Pipelines, home, instance, pipelines
from tests.support.sample_knowledge import store_sample
from tests.support.server import serving
from tests.support.spent_calls import spend_calls

__all__ = ["home", "instance", "pipelines"]

_MODEL = f"/projects/{PROJECT}/models/{MODEL}"
_OTHER_WINDOWS: tuple[tuple[int, Scheme], ...] = ((1400, "dark"), (390, "light"), (390, "dark"))
_FORMS = (f"{_MODEL}/comparison?a=1&b=2", f"/evidence?id={PROJECT}~{MODEL}/1")  # what forms lead to by GET
_NO_PAGES = re.compile("/assets/|/favicon|/sign-in/|/audit/export|/settings/.*/policies/")
_variable_parts = re.compile(r"(?<=/)(?:\d{4}-\d\d-\d\d|\d+|[0-9a-f]{32})(?=/|$)|(?<=/features/)[^/]+")


@pytest.mark.timeout(900)
def test_every_page_works_in_a_browser(pipelines: Pipelines) -> None:
    train_first(pipelines)
    send_days(pipelines.database, 11, 18, turned=True)
    pipelines.settle()
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success
    pipelines.settle()
    spend_calls(pipelines.database, PROJECT, local_days("UTC").of(now_us()))
    store_sample(pipelines.settings)
    with serving(pipelines.settings.storage.home) as server:
        visited = _walk(pipelines, server.url, 1400, "light", of_a_kind=3)
        assert _unvisited(visited) == set()
        for width, scheme in _OTHER_WINDOWS:
            assert _unvisited(_walk(pipelines, server.url, width, scheme, of_a_kind=1)) == set()


def _walk(pipelines: Pipelines, address: str, width: int, scheme: Scheme, *, of_a_kind: int) -> set[str]:
    """Visit the page of the sign-in and those that links lead to; return their paths."""
    token = SessionStore(pipelines.database).make_link(SignedIn("operator:test", "admin", None))
    waiting, seen, kinds = ["/", *_FORMS], {"/", *_FORMS}, Counter[str]()
    visited: set[str] = set()
    with open_window(width, scheme) as window:
        page = window.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(_problem(message)) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{address}/sign-in")
        _check(page, "/sign-in")
        page.goto(f"{address}/sign-in/link?token={token}")
        while waiting:
            path = waiting.pop(0)
            problems.clear()
            response = page.goto(address + path)
            assert response is not None
            assert response.status < 400, (path, response.status)
            visited.add(urlsplit(path).path)
            if not response.headers["content-type"].startswith("text/html"):
                continue  # the data of a chart
            assert problems == [], (path, problems)
            _check(page, path)
            for link in _links(page, address):
                kind = _variable_parts.sub("*", urlsplit(link).path)
                if link not in seen and kinds[kind] < of_a_kind:
                    kinds[kind] += 1
                    seen.add(link)
                    waiting.append(link)
    return visited | {"/sign-in"}


def _unvisited(visited: set[str]) -> set[str]:
    """Return the pages that have routes and were not visited."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    pages = [route for route in routes if "GET" in (route.methods or ()) and not _NO_PAGES.match(route.path)]
    return {route.path for route in pages if not any(route.path_regex.match(path) for path in visited)}


def _problem(message: ConsoleMessage) -> str:
    return f"{message.text} ({message.location['url']})"


def _check(page: Page, path: str) -> None:
    assert page.locator("h1").count() == 1, path
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{path} is {overflow} pixels wider than the window"
    violations = Axe().run(page).response["violations"]
    serious = [
        (violation["id"], violation["nodes"][0]["html"])
        for violation in violations
        if violation["impact"] in {"serious", "critical"}
    ]
    assert serious == [], path


def _links(page: Page, address: str) -> list[str]:
    """Return the pages of this server that a page links to, without documents of the API and downloads."""
    links: list[str] = page.evaluate(
        "[...document.querySelectorAll('a[href]:not([download])')].map(a => a.getAttribute('href'))"
    )
    paths = []
    for link in links:
        absolute = urlsplit(urljoin(page.url, link))
        if f"{absolute.scheme}://{absolute.netloc}" == address and not absolute.path.startswith(("/api/", "/assets/")):
            paths.append(absolute.path + (f"?{absolute.query}" if absolute.query else ""))
    return paths
