"""The routers of all pages."""

from serving.pages.assets import router as assets_router
from serving.pages.overview import router as overview_router
from serving.pages.sessions.endpoints import router as sessions_router
from serving.pages.settings.installation import router as settings_router
from serving.pages.settings.project import router as project_settings_router
from serving.pages.system import router as system_router

ROUTERS = (assets_router, sessions_router, overview_router, system_router, settings_router, project_settings_router)
