"""The routers of all pages."""

from serving.pages.assets import router as assets_router
from serving.pages.models.day import router as day_router
from serving.pages.models.feature import router as feature_router
from serving.pages.overview import router as overview_router
from serving.pages.sessions.endpoints import router as sessions_router

ROUTERS = (assets_router, sessions_router, overview_router, day_router, feature_router)
