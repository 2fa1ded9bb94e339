"""Templates are compiled when the server starts, not by the first request of each page."""

import asyncio

import pytest
from jinja2 import Environment

from serving.pages.rendering import Renderer
from tests.support.clients import Clients
from tests.support.pages import sign_in


async def test_pages_compile_no_template_once_the_server_has_started(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(clients.services.parts.get(Renderer).load_templates)  # waits for what the start has begun
    browser = await sign_in(clients, "admin")

    def compile_template(*_: object, **__: object) -> None:
        raise AssertionError("a request compiled a template")

    monkeypatch.setattr(Environment, "compile", compile_template)
    for address in ("/", "/incidents", "/costs", "/ask", "/evidence", "/audit", "/system", "/settings"):
        assert (await browser.get(address)).status_code == 200


async def test_the_start_loads_all_templates(clients: Clients) -> None:
    renderer = clients.services.parts.get(Renderer)
    names = set(renderer._environment.list_templates(extensions=["html"]))
    for _ in range(200):
        cache = renderer._environment.cache
        assert cache is not None
        if {name for _, name in cache.keys()} == names:  # noqa: SIM118 - an LRUCache iterates over no keys of its own type
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the start has not loaded the templates")
