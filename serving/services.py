"""What the routes work with: opened once by the app's lifespan, handed in by a dependency, never a global."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from guard_core.settings import Settings
from guard_store.auth.store import KeyStore
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
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
from serving.auth.oidc.tokens import TokenRing
from serving.auth.security import Authenticator, KeyRing
from serving.gateway.policy.book import PolicyBook
from serving.gateway.prompts.registry import PromptBook
from serving.http.dependencies import Parts
from serving.http.limits.rates import RateLimits

if TYPE_CHECKING:  # the event service is built of what is here
    from serving.alerts.delivery import DeliveryService
    from serving.alerts.service import AlertPolicyService, AlertService
    from serving.assistant.knowledge.service import KnowledgeService
    from serving.assistant.query.service import QueryService
    from serving.assistant.research.service import ResearchService
    from serving.assistant.tools.service import ToolService
    from serving.audit.service import AuditService
    from serving.auth.keys.service import KeyService
    from serving.costs.service import CostService
    from serving.gateway.calls.gateway import Gate
    from serving.gateway.chat.service import ChatService
    from serving.gateway.usage.service import UsageService
    from serving.health.service import HealthService
    from serving.ingest.events.service import EventService
    from serving.ingest.labels.service import LabelService
    from serving.monitoring.baselines.service import BaselineService
    from serving.monitoring.kinds.service import KindService
    from serving.monitoring.results.service import ResultsService
    from serving.predict.service import PredictService
    from serving.projects.service import ProjectService
    from serving.retraining.flags.service import FlagService
    from serving.retraining.lineage.service import LineageService
    from serving.retraining.versions.service import VersionService


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that is open while the app runs."""

    settings: Settings
    database: Database
    events: "EventService"
    audit: "AuditService"
    labels: "LabelService"
    predict: "PredictService"
    prompts: PromptBook
    policies: PolicyBook
    gate: "Gate"
    chat: "ChatService"
    knowledge: "KnowledgeService"
    query: "QueryService"
    tools: "ToolService"
    research: "ResearchService"
    keys: KeyStore
    key_ring: KeyRing
    tokens: TokenRing | None
    rates: RateLimits
    authenticator: Authenticator
    projects: ProjectStore
    aggregates: AggregateStore
    baselines: BaselineStore
    drift_reports: DriftReportStore
    news: DayStateStore
    performance: PerformanceStore
    rejections: RejectionStore
    kinds: KindStore
    registry: Registry
    retrain: RetrainStore
    evaluations: EvaluationStore
    trainings: TrainingRunStore
    decisions: DecisionStore
    predictions: PredictionStore
    shadow: ShadowStore
    alerts: "DeliveryService"
    health: "HealthService"
    project_changes: "ProjectService"
    results: "ResultsService"
    baseline_versions: "BaselineService"
    column_kinds: "KindService"
    flags: "FlagService"
    versions: "VersionService"
    lineages: "LineageService"
    costs: "CostService"
    alert_pages: "AlertService"
    alert_policies: "AlertPolicyService"
    usage: "UsageService"
    key_changes: "KeyService"

    def parts(self) -> Parts:
        """Return the same by type, for the dependencies of routes; with the settings of the server itself."""
        return Parts(
            [self.settings.server, *(part for field in fields(self) if (part := getattr(self, field.name)) is not None)]
        )


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Provided = Annotated[Services, Depends(_services)]
