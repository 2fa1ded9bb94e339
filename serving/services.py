"""What the routes work with: opened once by the app's lifespan, handed in by a dependency, never a global."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from guard_store.aggregates import AggregateStore
from guard_store.baselines import BaselineStore
from guard_store.database import Database
from guard_store.decisions import DecisionStore
from guard_store.drift_reports import DriftReportStore
from guard_store.keys import KeyStore
from guard_store.kinds import KindStore
from guard_store.news import NewsStore
from guard_store.performance import PerformanceStore
from guard_store.predictions import PredictionStore
from guard_store.projects import ProjectStore
from guard_store.registry import Registry
from guard_store.rejections import RejectionStore
from guard_store.retrain import RetrainStore
from guard_store.retrain_evaluations import EvaluationStore
from guard_store.settings import Settings
from guard_store.shadow import ShadowStore
from guard_store.training_runs import TrainingRunStore
from serving.audit.record import Record
from serving.limits.rates import RateLimits
from serving.oidc import TokenRing
from serving.policy import PolicyBook
from serving.prompts.registry import PromptBook
from serving.security import KeyRing

if TYPE_CHECKING:  # the event service is built of what is here
    from serving.alerts.delivery import AlertService
    from serving.audit.service import AuditService
    from serving.chat.service import ChatService
    from serving.events.service import EventService
    from serving.knowledge.service import KnowledgeService
    from serving.labels.service import LabelService
    from serving.llm.gate import Gate
    from serving.predict.service import PredictService
    from serving.query.service import QueryService
    from serving.research.service import ResearchService
    from serving.tools.service import ToolService


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
    projects: ProjectStore
    aggregates: AggregateStore
    baselines: BaselineStore
    drift_reports: DriftReportStore
    news: NewsStore
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
    alerts: "AlertService"


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _request_id(request: Request) -> str:
    request_id: str = request.scope["state"]["request_id"]
    return request_id


def _record(request: Request) -> Record:
    record: Record = request.scope["state"]["record"]
    return record


Provided = Annotated[Services, Depends(_services)]
RequestId = Annotated[str, Depends(_request_id)]
OnRecord = Annotated[Record, Depends(_record)]
"""What the ledger will say of this request."""
