"""The routers of all pages."""

from serving.pages.assets import router as assets_router
from serving.pages.models.versions import router as versions_router
from serving.pages.overview import router as overview_router
from serving.pages.sessions.endpoints import router as sessions_router

ROUTERS = (assets_router, sessions_router, overview_router, versions_router)
