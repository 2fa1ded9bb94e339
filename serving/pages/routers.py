"""The routers of all pages."""

from serving.pages.ask import router as ask_router
from serving.pages.assets import router as assets_router
from serving.pages.audit import router as audit_router
from serving.pages.costs import router as costs_router
from serving.pages.evidence import router as evidence_router
from serving.pages.incidents import router as incidents_router
from serving.pages.models.changes import router as changes_router
from serving.pages.models.data import router as data_router
from serving.pages.models.day import router as day_router
from serving.pages.models.feature import router as feature_router
from serving.pages.models.model import router as model_router
from serving.pages.models.report import router as report_router
from serving.pages.models.slices import router as slices_router
from serving.pages.models.versions import router as versions_router
from serving.pages.overview import router as overview_router
from serving.pages.sessions.endpoints import router as sessions_router
from serving.pages.sessions.oidc_endpoints import router as oidc_router
from serving.pages.settings.installation import router as settings_router
from serving.pages.settings.policies import router as policies_router
from serving.pages.settings.project import router as project_settings_router
from serving.pages.system import router as system_router

ROUTERS = (
    assets_router,
    sessions_router,
    oidc_router,
    overview_router,
    model_router,
    report_router,
    slices_router,
    day_router,
    feature_router,
    versions_router,
    changes_router,
    data_router,
    incidents_router,
    costs_router,
    ask_router,
    evidence_router,
    audit_router,
    system_router,
    settings_router,
    project_settings_router,
    policies_router,
)
