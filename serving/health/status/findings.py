"""Sentences about the status: what waits, and what needs the attention of an operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from guard_core.formats import ago, count, size
from serving.health.status.disk import LOW_BYTES
from serving.health.status.schemas import Backlog, StatusParts

_NAMED_MODELS: Final = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """A clause of the headline; days that a running daemon is about to process need no attention."""

    text: str
    needs_attention: bool = True


def list_findings(status: StatusParts) -> list[Finding]:
    """Return what waits and what needs attention, the most urgent first."""
    outbox, disk, knowledge = status.outbox, status.disk, status.knowledge
    findings = [*_silence(status), *_backlog(status)]
    if status.failures:
        findings.append(Finding(f"{count(len(status.failures), 'alert')} on failed runs or trainings open"))
    if status.queue.rows >= status.queue.limit:
        findings.append(Finding("the queue is full"))
    if outbox is not None and outbox.dead:
        findings.append(Finding(f"{count(outbox.dead, 'message')} could not be sent"))
    if knowledge.problem is not None:
        findings.append(Finding(f"the knowledge base has a problem: {knowledge.problem}"))
    if disk is not None and disk.free < LOW_BYTES:
        findings.append(Finding(f"{size(disk.free)} of the disk are free"))
    if status.problems:
        findings.append(Finding(f"{', '.join(status.problems)} cannot be read"))
    return findings


def make_headline(findings: Sequence[Finding]) -> str:
    """Return the sentence that answers whether anything waits or needs attention."""
    if not findings:
        return "Everything is processed; nothing waits"
    sentence = "; ".join(finding.text for finding in findings)
    return sentence[0].upper() + sentence[1:]


def _silence(status: StatusParts) -> list[Finding]:
    silent = [sensor for sensor in status.sensors or () if sensor.is_silent]
    return [
        Finding(f"the Dagster daemon has been silent for {ago(sensor.ticked_at).removesuffix(' ago')}")
        for sensor in silent[:1]
    ]


def _backlog(status: StatusParts) -> list[Finding]:
    backlog = status.backlog
    if backlog is None or not (backlog.waiting_days or backlog.failed_days):
        return []
    has_ticked = any(sensor.ticked_at is not None for sensor in status.sensors or ())
    parts = []
    if backlog.waiting_days:
        parts.append(f"{count(backlog.waiting_days, 'day')} {'waits' if backlog.waiting_days == 1 else 'wait'}")
        if not has_ticked:
            parts[0] += " because Dagster's daemon has not run yet"
    if backlog.failed_days:
        days = f"{backlog.failed_days:,} failed" if parts else f"{count(backlog.failed_days, 'day')} failed"
        parts.append(f"{days}: {_failed_models(backlog)}")
    return [Finding(", ".join(parts), needs_attention=bool(backlog.failed_days) or not has_ticked)]


def _failed_models(backlog: Backlog) -> str:
    names = [f"{model.project_id}/{model.model_id}" for model in backlog.models if model.failed_days]
    more = f" and {len(names) - _NAMED_MODELS} more" if len(names) > _NAMED_MODELS else ""
    return f"{', '.join(names[:_NAMED_MODELS])}{more}"
