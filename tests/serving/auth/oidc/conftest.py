"""An issuer with a key, and settings that trust it."""

from collections.abc import AsyncIterator

import pytest

from guard_core.settings import Settings
from tests.support.oidc_issuer import AUDIENCE, Issuer, running
from tests.support.settings import with_values


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer with one RSA key."""
    issuer = Issuer()
    issuer.add("k1")
    async with running(issuer):
        yield issuer


@pytest.fixture
def settings(settings: Settings, issuer: Issuer) -> Settings:
    """Settings that trust it."""
    return with_values(
        settings,
        oidc_issuer=issuer.url,
        oidc_audience=AUDIENCE,
        oidc_role_claim="realm_access.roles",
        oidc_roles={"guard-admins": "admin", "data-team": "analyst"},
        oidc_project_claim="guard_project",
    )
