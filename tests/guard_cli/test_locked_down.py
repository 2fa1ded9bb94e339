"""A server that others can reach: no start without an admin key or with the demo's, nothing for whoever has no key."""

import httpx
import pytest

from guard_cli.serve import DEMO_KEY, require_key_if_open
from guard_cli.terminal import CommandError
from guard_core.settings import Settings
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from tests.support.api import call_route, read_documented_routes
from tests.support.clients import Clients
from tests.support.settings import with_values


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Listening on all addresses."""
    return with_values(settings, host="0.0.0.0")  # noqa: S104 - nothing is bound here


def test_it_does_not_start_without_an_admin_key_nor_while_the_demos_works(database: Database) -> None:
    keys = KeyStore(database)
    demo, _ = keys.create("demo", "admin", secret=DEMO_KEY)
    require_key_if_open("127.0.0.1", keys)
    for host in ("0.0.0.0", "::", "192.0.2.1", "guard.example.com"):  # noqa: S104
        with pytest.raises(CommandError, match=f"keys revoke {demo.id}"):
            require_key_if_open(host, keys)
    keys.revoke(demo.id)
    with pytest.raises(CommandError, match="keys create first"):
        require_key_if_open("::", keys)
    keys.create("first", "admin")
    require_key_if_open("::", keys)


async def test_without_a_key_there_are_only_probes(anonymous: httpx.AsyncClient, clients: Clients) -> None:
    answered = {
        route.path for route in read_documented_routes() if await call_route(anonymous, route, "flights") != 401
    }
    assert answered == {"/healthz", "/readyz", "/api/v1/health"}
    assert (await clients.of("guest").get("/metrics")).status_code == 200
    assert (await clients.of("guest").get("/metrics", headers={"X-API-Key": "wrong"})).status_code == 401


async def test_metrics_can_be_opened(settings: Settings) -> None:
    from serving.app import create_app

    app = create_app(with_values(settings, open_metrics=True))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guard") as client,
    ):
        assert (await client.get("/metrics")).status_code == 200
