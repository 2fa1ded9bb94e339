"""The routers of all pages."""

from serving.pages.ask import router as ask_router
from serving.pages.assets import router as assets_router
from serving.pages.audit import router as audit_router
from serving.pages.costs import router as costs_router
from serving.pages.overview import router as overview_router
from serving.pages.sessions.endpoints import router as sessions_router

ROUTERS = (assets_router, sessions_router, overview_router, ask_router, audit_router, costs_router)
