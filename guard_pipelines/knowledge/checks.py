"""Check: every file of the knowledge base can be read. It warns: the readable files are in the knowledge base in any case."""

import dagster as dg

from guard_pipelines.knowledge.assets import documents
from guard_pipelines.resources import Guard


@dg.asset_check(asset=documents)
def sources_readable(guard: Guard) -> dg.AssetCheckResult:
    """No file was left out because it cannot be read."""
    from guard_pipelines.knowledge.stage import count_skipped, has_documents, skipped_files

    if not has_documents(guard.knowledge):
        reason = (
            "There was nothing to look at: the knowledge base has no documents. Materialize the asset documents first."
        )
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"reason": reason})
    skipped = count_skipped(guard.knowledge)
    return dg.AssetCheckResult(
        passed=not skipped,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"skipped": skipped, "files": dg.MetadataValue.md(skipped_files(guard.knowledge))},
    )
