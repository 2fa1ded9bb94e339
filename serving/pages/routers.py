"""The routers of all pages."""

from serving.pages.assets import router as assets_router
from serving.pages.evidence import router as evidence_router
from serving.pages.incidents import router as incidents_router
from serving.pages.overview import router as overview_router
from serving.pages.sessions.endpoints import router as sessions_router

ROUTERS = (assets_router, sessions_router, evidence_router, incidents_router, overview_router)
