"""The composition root: the only module that builds, connects and starts the parts of the app.

Run it with `ml-guard serve`, or with any ASGI server as the factory `serving.app:create_app`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from guard_core.alerting.links import Addresses
from guard_core.logging import configure_logging
from guard_core.settings import Settings, load_settings
from guard_store.alerts.incidents import IncidentStore
from guard_store.alerts.policies import PolicyStore
from guard_store.auth.sessions import SessionStore
from guard_store.auth.store import KeyStore
from guard_store.costs.store import CostStore
from guard_store.day_state.store import DayStateStore
from guard_store.day_state.ticks import TickStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.labels import LabelStore
from guard_store.ingest.predictions import PredictionStore
from guard_store.ingest.rejections import RejectionStore
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.kinds import KindStore
from guard_store.monitoring.model_ids import ModelIdStore
from guard_store.monitoring.performance import PerformanceStore
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import DecisionStore
from guard_store.retraining.evaluations import EvaluationStore
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.registry import Registry
from guard_store.retraining.shadow import ShadowStore
from guard_store.retraining.training_runs import TrainingRunStore
from guard_store.spending.usage import UsageStore
from ml.environment import set_library_defaults
from serving.alerts.delivery import DeliveryService
from serving.alerts.endpoints import router as alerts_router
from serving.alerts.incident_endpoints import router as incidents_router
from serving.alerts.incident_service import IncidentService
from serving.alerts.service import AlertPolicyService, AlertService
from serving.assistant.knowledge.endpoints import router as knowledge_router
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.query.endpoints import root_router as query_root_router
from serving.assistant.query.endpoints import router as query_router
from serving.assistant.query.service import QueryService
from serving.assistant.research.endpoints import root_router as research_root_router
from serving.assistant.research.endpoints import router as research_router
from serving.assistant.research.service import ResearchService
from serving.assistant.research.tools import ResearchTools
from serving.assistant.tools.endpoints import router as tools_router
from serving.assistant.tools.executor import ToolExecutor
from serving.assistant.tools.service import ToolService
from serving.audit.bodies import BodyRecorder
from serving.audit.endpoints import router as audit_router
from serving.audit.service import AuditService
from serving.auth.keys.endpoints import router as keys_router
from serving.auth.keys.service import KeyService
from serving.auth.oidc.tokens import TokenRing
from serving.auth.security import Authenticator, KeyRing
from serving.costs.endpoints import router as costs_router
from serving.costs.service import CostService
from serving.costs.units import UnitCosts
from serving.gateway.calls.gateway import Gateway
from serving.gateway.chat.endpoints import router as chat_router
from serving.gateway.chat.endpoints import routes as chat_routes
from serving.gateway.chat.service import ChatService
from serving.gateway.evaluations.endpoints import router as feedback_router
from serving.gateway.evaluations.feedback import FeedbackService
from serving.gateway.evaluations.service import EvaluationService
from serving.gateway.findings.endpoints import router as findings_router
from serving.gateway.findings.service import FindingsService
from serving.gateway.policy.book import PolicyBook
from serving.gateway.prompts.book import PromptBook, default_folder
from serving.gateway.prompts.endpoints import router as prompts_router
from serving.gateway.usage.endpoints import router as usage_router
from serving.gateway.usage.service import UsageService
from serving.health.endpoints import router as health_router
from serving.health.metrics.endpoints import router as metrics_router
from serving.health.metrics.results import ResultCollector
from serving.health.service import HealthService
from serving.health.status.endpoints import router as status_router
from serving.health.status.service import StatusService
from serving.http import error_handlers, openapi, tracing
from serving.http.access_log import AccessLog
from serving.http.dependencies import Parts
from serving.http.guard_app import GuardApp
from serving.http.limits.addresses import Proxies
from serving.http.limits.rates import RateLimits
from serving.ingest.events.endpoints import routes as event_routes
from serving.ingest.events.service import EventService
from serving.ingest.labels.endpoints import routes as label_routes
from serving.ingest.labels.service import LabelService
from serving.monitoring.baselines.endpoints import router as baselines_router
from serving.monitoring.baselines.service import BaselineService
from serving.monitoring.features.endpoints import router as features_router
from serving.monitoring.features.service import FeatureService
from serving.monitoring.kinds.endpoints import router as kinds_router
from serving.monitoring.kinds.service import KindService
from serving.monitoring.preview.endpoints import router as preview_router
from serving.monitoring.preview.service import PreviewService
from serving.monitoring.results.endpoints import router as results_router
from serving.monitoring.results.service import ResultsService
from serving.monitoring.series.endpoints import router as series_router
from serving.monitoring.series.model_service import ModelService
from serving.monitoring.series.service import SeriesService
from serving.overview.changes import ChangeService
from serving.overview.endpoints import DAYS
from serving.overview.endpoints import router as overview_router
from serving.overview.service import OverviewService
from serving.overview.spend import SpendService
from serving.pages.assets import Assets
from serving.pages.models.report import ReportDocuments
from serving.pages.rendering import Renderer
from serving.pages.routers import ROUTERS as PAGE_ROUTERS
from serving.pages.routing import render_unrouted
from serving.pages.sessions.oidc_service import OidcSignInService
from serving.pages.sessions.service import SessionService
from serving.predict.endpoints import routes as predict_routes
from serving.predict.service import PredictService
from serving.projects.endpoints import router as projects_router
from serving.projects.service import ProjectService
from serving.reports.endpoints import router as reports_router
from serving.reports.service import ReportService
from serving.retraining.flags.endpoints import router as retrain_router
from serving.retraining.flags.service import FlagService
from serving.retraining.lineage.endpoints import router as lineage_router
from serving.retraining.lineage.service import LineageService
from serving.retraining.versions.endpoints import router as models_router
from serving.retraining.versions.service import VersionService

_ROUTERS = (
    metrics_router,
    health_router,
    status_router,
    keys_router,
    projects_router,
    overview_router,
    results_router,
    series_router,
    reports_router,
    features_router,
    preview_router,
    baselines_router,
    kinds_router,
    retrain_router,
    models_router,
    lineage_router,
    audit_router,
    chat_router,
    feedback_router,
    prompts_router,
    usage_router,
    findings_router,
    knowledge_router,
    costs_router,
    alerts_router,
    incidents_router,
    tools_router,
    query_router,
    query_root_router,
    research_router,
    research_root_router,
    openapi.router,
    *PAGE_ROUTERS,
)
_PAGES_AFTER_S = 1.0


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the app; files and connections are opened in its lifespan.

    Raises
    ------
    SettingsError
        If no settings are given and those of the environment are invalid.
    """
    set_library_defaults()
    settings = settings or load_settings()
    tracing.check(settings)
    access_log = AccessLog(settings.server.log_level)
    app = GuardApp(
        [*event_routes, *label_routes, *predict_routes, *chat_routes],
        access_log,
        Proxies(settings.server.trusted_proxies),
        settings.server.body_timeout_s,
        title="ML Guard",
        version=_version(),
        lifespan=partial(_lifespan, settings, access_log),
        openapi_url=None,  # `openapi.router` serves it, because it needs a key
        docs_url=None,  # its scripts would come from a content delivery network
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in _ROUTERS:
        app.include_router(router)
    error_handlers.install(app)
    app.add_exception_handler(HTTPException, render_unrouted)
    return app


class Services:
    """The connected parts of the app; `run` starts those that work in the background."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self._build_stores(database)
        self.registry = Registry(settings.storage.mlflow)
        self.key_ring = KeyRing(self.keys, cache_s=settings.server.key_cache_s, outage_s=settings.server.outage_s)
        self.tokens = None if settings.oidc.issuer is None else TokenRing(settings)
        self.authenticator = Authenticator(self.key_ring, self.tokens, RateLimits(settings))
        self.events = EventService(settings, database)
        self.labels = LabelService(settings, self.events)
        self.predict = PredictService(settings, database, self.events)
        self.audit = AuditService(settings, database, self.events.writer)
        self.alerts = DeliveryService(
            settings, database, lambda delivery: self.parts.get(ReportDocuments).complete(delivery)
        )
        self._build_gateway(settings, database)
        services = self._domain_services()
        self.parts = Parts([*self._shared_parts(), *services, *self._page_parts(Parts(services))])

    def _build_stores(self, database: Database) -> None:
        self.keys = KeyStore(database)
        self.projects = ProjectStore(database)
        self.day_states = DayStateStore(database)
        self.rejections = RejectionStore(database)
        self.aggregates = AggregateStore(database)
        self.baselines = BaselineStore(database)
        self.drift_reports = DriftReportStore(database)
        self.performance = PerformanceStore(database)
        self.kinds = KindStore(database)
        self.retrain_flags = FlagStore(database)
        self.evaluations = EvaluationStore(database)
        self.training_runs = TrainingRunStore(database)
        self.decisions = DecisionStore(database)
        self.predictions = PredictionStore(database)
        self.shadow = ShadowStore(database)
        self.usage = UsageStore(database)

    def _build_gateway(self, settings: Settings, database: Database) -> None:
        """Build the gateway to language models, and the assistant that uses it."""
        self.prompts = PromptBook.load(default_folder())
        self.policies = PolicyBook(settings.llm.policies)
        cache_s = settings.server.key_cache_s
        self.evaluated_answers = EvaluationService(self.projects, self.events, cache_s=cache_s)
        self.gateway = Gateway(settings, database, self.events.writer, self.audit, self.evaluated_answers)
        self.knowledge = KnowledgeService(settings)
        bodies = BodyRecorder(self.projects, cache_s=cache_s)
        self.feedback = FeedbackService(database, self.audit, self.evaluated_answers, self.policies, bodies)
        self.chat = ChatService(settings, self.gateway, self.policies, self.prompts, bodies)
        self.query = QueryService(settings.llm, self.gateway, self.policies, self.prompts, self.knowledge, bodies)
        research_tools = ResearchTools(settings, self.knowledge, self.gateway.upstreams, self.prompts)
        self.tools = ToolService(database, self.policies, ToolExecutor(research_tools.registered(), self.audit.append))
        self.research = ResearchService(
            settings,
            database,
            self.gateway,
            self.policies,
            self.knowledge,
            self.tools,
            research_tools,
            self.audit.store,
        )

    def _shared_parts(self) -> list[object]:
        """Return the parts that the dependencies of routes use, besides the services of the domains."""
        return [self.settings.server, self.authenticator, self.projects, ModelIdStore(self.database), self.prompts]

    def _domain_services(self) -> list[object]:
        """Return the services of the domains, each built with the parts that it needs."""
        return [
            self.events,
            self.labels,
            self.predict,
            self.audit,
            self.chat,
            self.feedback,
            self.query,
            self.knowledge,
            self.tools,
            self.research,
            *self._operations_services(),
            *self._monitoring_services(),
            *self._retraining_services(),
            *self._spending_services(),
        ]

    def _operations_services(self) -> list[object]:
        """Return health, keys, projects and alerts."""
        settings, database = self.settings, self.database
        return [
            HealthService(
                database,
                self.events,
                self.predict,
                self.alerts,
                self.knowledge,
                TickStore(database),
                self.day_states,
                settings,
            ),
            ResultCollector(database, settings),
            StatusService(database, self.events, self.knowledge, settings, version=_version()),
            KeyService(self.keys, self.key_ring),
            ProjectService(self.projects, close_delay_s=settings.pipelines.close_delay_s),
            self.alerts,
            AlertService(self.alerts.store, self.alerts.outbox),
            IncidentService(IncidentStore(database), self.alerts.outbox),
            AlertPolicyService(PolicyStore(database), settings.alert),
        ]

    def _monitoring_services(self) -> list[object]:
        """Return what reads the results of days: overview, results, features, series, reports."""
        settings, reports = self.settings, self.drift_reports
        days = self.day_states, self.rejections, self.aggregates
        series = SeriesService(*days, reports, self.performance, self.decisions, self.training_runs)
        models = ModelService(
            self.day_states,
            reports,
            self.performance,
            self.baselines,
            self.decisions,
            self.retrain_flags,
            self.alerts.store,
        )
        return [
            OverviewService(
                self.day_states,
                reports,
                self.performance,
                self.rejections,
                self.alerts.store,
                self.decisions,
                self.audit.store,
                spend=SpendService(self.database, self.usage, self.keys, timezone=settings.server.timezone),
                changes=ChangeService(self.decisions, self.baselines, self.retrain_flags),
            ),
            ResultsService(*days, reports, self.baselines, self.performance, settings),
            FeatureService(self.day_states, self.aggregates, reports, self.baselines, self.kinds),
            PreviewService(reports, PolicyStore(self.database)),
            BaselineService(self.projects, self.day_states, self.aggregates, self.baselines),
            KindService(self.kinds, self.day_states),
            series,
            models,
            ReportService(
                self.day_states,
                reports,
                self.performance,
                IncidentStore(self.database),
                CostStore(self.database),
                self.usage,
                models=models,
                series=series,
            ),
        ]

    def _retraining_services(self) -> list[object]:
        """Return flags, versions and lineage."""
        return [
            FlagService(self.database, self.day_states, self.evaluations, self.retrain_flags),
            VersionService(self.database, self.registry, self.training_runs, self.decisions, self.shadow),
            LineageService(
                self.registry,
                self.training_runs,
                self.retrain_flags,
                self.predictions,
                self.drift_reports,
                self.baselines,
                LabelStore(self.database),
                ledger=self.audit.store,
                projects=self.projects,
            ),
        ]

    def _spending_services(self) -> list[object]:
        """Return costs, usage and findings."""
        settings, database, costs = self.settings, self.database, CostStore(self.database)
        unit_costs = UnitCosts(costs, self.usage, self.day_states, self.aggregates)
        return [
            CostService(costs, unit_costs, self.usage, database, settings),
            UsageService(self.gateway, self.usage, self.keys, accepts_tokens=self.tokens is not None),
            FindingsService(database, self.audit.store, timezone=settings.server.timezone),
        ]

    def _page_parts(self, services: Parts) -> list[object]:
        """Return what the pages need besides the services of the domains."""
        assets, servers = Assets(), Addresses.of(self.settings)
        renderer = Renderer(assets, servers, version=_version())
        store = SessionStore(self.database)
        sessions = SessionService(store, self.authenticator, cache_s=self.settings.server.key_cache_s)
        return [
            assets,
            sessions,
            OidcSignInService(
                self.settings.oidc, self.tokens, store, sessions, redirect_uri=f"{servers.api}/sign-in/oidc/callback"
            ),
            renderer,
            ReportDocuments(services.get(ReportService), services.get(FeatureService), self.projects, renderer),
        ]

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Start the parts that work in the background; on exit, stop them in reverse order."""
        async with AsyncExitStack() as stack:
            for service in (
                self.events,
                self.audit,
                self.gateway,
                self.predict,
                self.knowledge,
                self.alerts,
                self.research,
            ):
                stack.push_async_callback(service.stop)
                await service.start()
            ended = asyncio.Event()
            preparing = asyncio.create_task(self._prepare_pages(ended))
            stack.push_async_callback(asyncio.wait, [preparing])
            stack.callback(ended.set)
            yield

    async def _prepare_pages(self, ended: asyncio.Event) -> None:
        """Do once what the first page would wait for, soon after the start: the first requests need the processor more."""
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _PAGES_AFTER_S)
            return
        await asyncio.to_thread(self.parts.get(Renderer).load_templates)
        await asyncio.to_thread(self.parts.get(OverviewService).read, None, DAYS)  # compiles its statements


@asynccontextmanager
async def _lifespan(settings: Settings, access_log: AccessLog, app: GuardApp) -> AsyncIterator[None]:
    """Open and migrate the database, and run the parts for the lifetime of the app."""
    configure_logging(settings.server.log_level)
    database = Database(settings.storage.database)
    tracing.start(settings)
    try:
        migrate(database)
        services = Services(settings, database)
        app.state.services = services
        app.parts = services.parts
        async with services.run():
            yield
    finally:
        database.close()
        await asyncio.to_thread(tracing.stop)
        access_log.close()


def _version() -> str:
    try:
        return version("ml-guard")
    except PackageNotFoundError:  # a checkout that is not installed
        return "unknown"
