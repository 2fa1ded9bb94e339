"""Check: every file of the knowledge base can be read. It warns: the readable files are in the knowledge base in any case."""

import dagster as dg

from guard_pipelines.knowledge.assets import documents
from guard_pipelines.resources import Guard


@dg.asset_check(asset=documents)
def sources_readable(guard: Guard) -> dg.AssetCheckResult:
    """No file was left out because it cannot be read."""
    from guard_pipelines.knowledge.stage import count_files, count_skipped, skipped_files

    files = count_files(guard.knowledge)
    if files is None:
        reason = (
            "There was nothing to inspect: the knowledge base is not built yet. Materialize the asset documents first."
        )
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"reason": reason})
    if not files:
        reason = "The knowledge base is empty: ML_GUARD_KNOWLEDGE_URL has no files"
        return dg.AssetCheckResult(passed=True, description=reason, metadata={"reason": reason})
    skipped = count_skipped(guard.knowledge)
    return dg.AssetCheckResult(
        passed=not skipped,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"skipped": skipped, "files": dg.MetadataValue.md(skipped_files(guard.knowledge))},
    )
