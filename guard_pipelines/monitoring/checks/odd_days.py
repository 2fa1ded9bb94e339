"""Findings on the data of a run's days, by check.

When a day is out of the ordinary is in `rules`, what it is compared with in `history`.
"""

from collections.abc import Collection

from guard_core.columns import feature_name
from guard_core.settings import Settings
from guard_pipelines.days.findings import Finding, Inspection
from guard_pipelines.monitoring.checks.history import model_days
from guard_pipelines.monitoring.checks.rules import null_jumps, odd_volume, unseen_features
from guard_store.db.database import Database


def find_odd_days(database: Database, settings: Settings, days: Collection[str]) -> dict[str, Inspection]:
    """Inspect the days by check: volume, unseen_features, kind_violations, null_share."""
    findings: dict[str, list[Finding]] = {"volume": [], "unseen_features": [], "kind_violations": [], "null_share": []}
    inspected = 0
    for model in model_days(database, settings, days):
        inspected += len(model.days)
        for day in model.days:
            key: Finding = {"project": model.project_id, "model": model.model_id, "day": day.isoformat()}
            volume = odd_volume(model.count(day), model.same_weekdays(day))
            findings["volume"] += [{**key, "finding": volume}] if volume else []
            today, before = model.metrics.get(day), model.before(day)
            if today is None:
                continue
            unseen, nulls = unseen_features(today, before), null_jumps(today, before, model.baseline(day))
            misfits = [f"{feature_name(column)}: {n}" for column, n in today.get("violations", {}).items()]
            for name, texts in (("unseen_features", unseen), ("kind_violations", misfits), ("null_share", nulls)):
                findings[name] += [{**key, "finding": ", ".join(texts)}] if texts else []
    return {name: Inspection(inspected, of_check) for name, of_check in findings.items()}
