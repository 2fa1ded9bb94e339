"""The ASGI app: what is open while it runs, its middleware, its routes.

Run it with `ml-guard serve`, or with any ASGI server as the factory `serving.app:create_app`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI

from guard_core.logging import configure_logging
from guard_core.settings import Settings, load_settings
from guard_store.auth.store import KeyStore
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.predictions import PredictionStore
from guard_store.ingest.rejections import RejectionStore
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.kinds import KindStore
from guard_store.monitoring.performance import PerformanceStore
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import DecisionStore
from guard_store.retraining.evaluations import EvaluationStore
from guard_store.retraining.flags import RetrainStore
from guard_store.retraining.registry import Registry
from guard_store.retraining.shadow import ShadowStore
from guard_store.retraining.training_runs import TrainingRunStore
from ml.environment import set_library_defaults
from serving.alerts.delivery import AlertService
from serving.alerts.endpoints import router as alerts_router
from serving.assistant.knowledge.endpoints import router as knowledge_router
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.query.endpoints import routes as query_routes
from serving.assistant.query.service import QueryService
from serving.assistant.research.endpoints import root_router as research_root_router
from serving.assistant.research.endpoints import router as research_router
from serving.assistant.research.service import ResearchService
from serving.assistant.research.tools import ResearchTools
from serving.assistant.tools.endpoints import router as tools_router
from serving.assistant.tools.executor import ToolExecutor
from serving.assistant.tools.service import ToolService
from serving.audit.bodies import BodyKeeper
from serving.audit.endpoints import router as audit_router
from serving.audit.service import AuditService
from serving.auth.keys.endpoints import router as keys_router
from serving.auth.oidc.tokens import TokenRing
from serving.auth.security import KeyRing
from serving.costs.endpoints import router as costs_router
from serving.gateway.calls.gateway import Gate
from serving.gateway.chat.endpoints import routes as chat_routes
from serving.gateway.chat.service import ChatService
from serving.gateway.policy.book import PolicyBook
from serving.gateway.prompts.endpoints import router as prompts_router
from serving.gateway.prompts.registry import PromptBook, default_folder
from serving.gateway.usage.endpoints import router as usage_router
from serving.health.endpoints import router as health_router
from serving.http import error_handlers, metrics, openapi, tracing
from serving.http.access_log import AccessLog
from serving.http.guard_app import GuardApp
from serving.http.limits.addresses import Proxies
from serving.http.limits.rates import RateLimits
from serving.ingest.events.endpoints import routes as event_routes
from serving.ingest.events.service import EventService
from serving.ingest.labels.endpoints import routes as label_routes
from serving.ingest.labels.service import LabelService
from serving.monitoring.baselines.endpoints import router as baselines_router
from serving.monitoring.kinds.endpoints import router as kinds_router
from serving.monitoring.results.endpoints import router as results_router
from serving.predict.endpoints import routes as predict_routes
from serving.predict.service import PredictService
from serving.projects.endpoints import router as projects_router
from serving.retraining.flags.endpoints import router as retrain_router
from serving.retraining.lineage.endpoints import router as lineage_router
from serving.retraining.versions.endpoints import router as models_router
from serving.services import Services

_ROUTERS = (
    metrics.router,
    health_router,
    keys_router,
    projects_router,
    results_router,
    baselines_router,
    kinds_router,
    retrain_router,
    models_router,
    lineage_router,
    audit_router,
    prompts_router,
    usage_router,
    knowledge_router,
    costs_router,
    alerts_router,
    tools_router,
    research_router,
    research_root_router,
    openapi.router,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the app; nothing is opened before its lifespan begins.

    Raises
    ------
    SettingsError
        Where the settings are not given and the environment's are wrong.
    """
    set_library_defaults()
    settings = settings or load_settings()
    tracing.check(settings)
    access_log = AccessLog(settings.server.log_level)
    app = GuardApp(
        [*event_routes, *label_routes, *predict_routes, *chat_routes, *query_routes],
        access_log,
        Proxies(settings.server.trusted_proxies),
        settings.server.body_timeout_s,
        title="ML Guard",
        version=_version(),
        lifespan=partial(_running, settings, access_log),
        openapi_url=None,  # a route of ours: it needs a key
        docs_url=None,  # its scripts would come from a hub
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in _ROUTERS:
        app.include_router(router)
    error_handlers.install(app)
    return app


@asynccontextmanager
async def _running(settings: Settings, access_log: AccessLog, app: FastAPI) -> AsyncIterator[None]:
    """Everything that is open while the app runs."""
    configure_logging(settings.server.log_level)
    database = Database(settings.storage.database)
    tracing.start(settings)
    try:
        migrate(database)
        services = services_of(settings, database)
        app.state.services = services
        async with AsyncExitStack() as running:
            for service in (
                services.events,
                services.audit,
                services.gate,
                services.predict,
                services.knowledge,
                services.alerts,
                services.research,
            ):
                running.push_async_callback(service.stop)
                await service.start()
            yield
    finally:
        database.close()
        await asyncio.to_thread(tracing.stop)
        access_log.close()


def services_of(settings: Settings, database: Database) -> Services:
    """Everything that routes and commands work with; nothing of it runs before it is started."""
    keys = KeyStore(database)
    events = EventService(settings, database)
    prompts = PromptBook.load(default_folder())
    policies = PolicyBook(settings.llm.policies)
    gate = Gate(settings, database, events.writer)
    knowledge = KnowledgeService(settings)
    projects = ProjectStore(database)
    bodies = BodyKeeper(projects, cache_s=settings.server.key_cache_s)
    audit = AuditService(settings, database, events.writer)
    research_tools = ResearchTools(settings, knowledge, gate.upstreams, prompts)
    tools = ToolService(database, policies, ToolExecutor(research_tools.registered(), audit.write))
    return Services(
        settings=settings,
        database=database,
        events=events,
        audit=audit,
        labels=LabelService(settings, events),
        predict=PredictService(settings, database, events),
        prompts=prompts,
        policies=policies,
        gate=gate,
        chat=ChatService(settings, gate, policies, prompts, bodies),
        knowledge=knowledge,
        query=QueryService(settings, gate, policies, prompts, knowledge, bodies),
        tools=tools,
        research=ResearchService(settings, database, gate, policies, knowledge, tools, research_tools, audit.store),
        keys=keys,
        key_ring=KeyRing(keys, cache_s=settings.server.key_cache_s),
        tokens=None if settings.oidc.issuer is None else TokenRing(settings),
        rates=RateLimits(settings),
        projects=projects,
        aggregates=AggregateStore(database),
        baselines=BaselineStore(database),
        drift_reports=DriftReportStore(database),
        news=DayStateStore(database),
        performance=PerformanceStore(database),
        rejections=RejectionStore(database),
        kinds=KindStore(database),
        registry=Registry(settings.storage.mlflow),
        retrain=RetrainStore(database),
        evaluations=EvaluationStore(database),
        trainings=TrainingRunStore(database),
        decisions=DecisionStore(database),
        predictions=PredictionStore(database),
        shadow=ShadowStore(database),
        alerts=AlertService(settings, database),
    )


def _version() -> str:
    try:
        return version("ml-guard")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
