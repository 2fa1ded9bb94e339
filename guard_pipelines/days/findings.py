"""Findings of checks: one row for a day of a model, and Dagster's result for all of them.

What counts as a finding belongs to the checks of each domain.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from guard_pipelines.days.loop import Cell, markdown

Finding = dict[str, Cell]
_MAX_FINDINGS = 50


def check_result(findings: Sequence[Finding], severity: dg.AssetCheckSeverity, **names: Any) -> dg.AssetCheckResult:
    """Build a result that passes if there are no findings; otherwise it has their number and a table of the newest."""
    metadata: dict[str, Any] = {"findings": len(findings)}
    if findings:
        newest = sorted(findings, key=lambda finding: str(finding["day"]))[-_MAX_FINDINGS:]
        metadata["newest"] = dg.MetadataValue.md(markdown(newest))
    return dg.AssetCheckResult(passed=not findings, severity=severity, metadata=metadata, **names)
