"""Response of the status route; a part that cannot be read is null, and has its reason in `problems`."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from serving.alerts.schemas import AlertView
from serving.assistant.knowledge.passages import Retrieval


class ModelBacklogView(BaseModel):
    """The unprocessed days of one model."""

    project_id: str
    model_id: str
    waiting_days: int = Field(description="Closed days that wait for the pipelines.")
    oldest_waiting: str | None = Field(description="Oldest of them.")
    failed_days: int
    open_days: int = Field(description="Days with events that are not closed yet.")


class FailedDay(BaseModel):
    """A day that could not be processed."""

    project_id: str
    model_id: str
    day: str
    stage: str = Field(description="lake, profile, drift, performance or retrain: the stage that it waits for.")
    error: str | None
    attempts: int
    is_given_up: bool = Field(description="Whether it is not retried any more, until rows arrive or somebody runs it.")
    failed_at: datetime


class Backlog(BaseModel):
    """Unprocessed days of the models that the key has access to."""

    waiting_days: int
    failed_days: int
    open_days: int
    models: list[ModelBacklogView] = Field(description="Models with unprocessed days.")
    failed: list[FailedDay] = Field(description="Failed days, oldest first, 50 at most.")


class Sensor(BaseModel):
    """A sensor of Dagster's daemon."""

    name: str
    ticked_at: datetime | None = Field(description="Newest tick; null if it has never run.")
    is_silent: bool = Field(description="Whether it has run before, but not for a while.")


class Queue(BaseModel):
    """Rows in the server's memory that wait for their commit."""

    rows: int
    limit: int


class OutboxStatus(BaseModel):
    """Messages about alerts."""

    waiting: int
    dead: int = Field(description="Messages that were given up.")
    oldest_at: datetime | None = Field(description="When the oldest message that is due was written.")


class KnowledgeStatus(BaseModel):
    """The knowledge base in this process."""

    retrieval: Retrieval | Literal["loading"]
    version: int | None
    chunks: int
    problem: str | None


class DiskStatus(BaseModel):
    """The home folder."""

    home: str
    names: list[str] = Field(description="Files and folders, the largest first.")
    sizes: list[int] = Field(description="Bytes of each.")
    total: int
    free: int = Field(description="Bytes that are free on its disk.")


class Versions(BaseModel):
    """Versions of what runs."""

    ml_guard: str
    python: str
    schema_revision: str | None = Field(description="Null if the database cannot be read.")


class StatusParts(BaseModel):
    """The parts of the status, each read by itself."""

    started_at: datetime = Field(description="When this server started.")
    backlog: Backlog | None
    sensors: list[Sensor] | None
    failures: list[AlertView] | None = Field(description="Open alerts on failed runs, days and trainings.")
    queue: Queue
    outbox: OutboxStatus | None
    knowledge: KnowledgeStatus
    disk: DiskStatus | None
    versions: Versions
    problems: dict[str, str] = Field(description="Why a part of the status cannot be read, by part.")


class Status(StatusParts):
    """The state of the installation."""

    headline: str = Field(description="Sentence that says whether anything waits or needs attention.")
    is_healthy: bool = Field(description="Whether nothing needs attention; days that are about to be processed do not.")
