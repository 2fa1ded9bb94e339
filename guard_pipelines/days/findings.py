"""What the checks found, as rows of a table and as Dagster's result.

When a day is odd is said in `rules.py`.
"""

from collections.abc import Collection, Sequence
from typing import Any

import dagster as dg

from guard_core.settings import Settings
from guard_pipelines.days.loop import Cell, markdown
from guard_pipelines.monitoring.checks.history import model_days
from guard_pipelines.monitoring.checks.rules import null_jumps, odd_volume, unseen_features
from guard_store.db.database import Database

Finding = dict[str, Cell]
_MAX_FINDINGS = 50


def odd_days(database: Database, settings: Settings, days: Collection[str]) -> dict[str, list[Finding]]:
    """Findings by check: volume, unseen_features, kind_violations, null_share."""
    found: dict[str, list[Finding]] = {"volume": [], "unseen_features": [], "kind_violations": [], "null_share": []}
    for model in model_days(database, settings, days):
        for day in model.days:
            key: Finding = {"project": model.project_id, "model": model.model_id, "day": day.isoformat()}
            volume = odd_volume(model.count(day), model.same_weekdays(day))
            found["volume"] += [{**key, "finding": volume}] if volume else []
            today, before = model.metrics.get(day), model.before(day)
            if today is None:
                continue
            unseen, nulls = unseen_features(today, before), null_jumps(today, before)
            misfits = [f"{column.removeprefix('feature_')}: {n}" for column, n in today.get("violations", {}).items()]
            for name, texts in (("unseen_features", unseen), ("kind_violations", misfits), ("null_share", nulls)):
                found[name] += [{**key, "finding": ", ".join(texts)}] if texts else []
    return found


def result(findings: Sequence[Finding], severity: dg.AssetCheckSeverity, **names: Any) -> dg.AssetCheckResult:
    """Passed where nothing was found; else how much, and the newest findings as a table."""
    metadata: dict[str, Any] = {"findings": len(findings)}
    if findings:
        newest = sorted(findings, key=lambda finding: str(finding["day"]))[-_MAX_FINDINGS:]
        metadata["newest"] = dg.MetadataValue.md(markdown(newest))
    return dg.AssetCheckResult(passed=not findings, severity=severity, metadata=metadata, **names)
