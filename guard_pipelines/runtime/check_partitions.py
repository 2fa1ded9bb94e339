"""Results of a check by partition: Dagster's public methods return those of a run.

Which results are reported is in `monitoring.checks.failed_partitions`.
"""

from collections.abc import Mapping

import dagster as dg
from dagster import DagsterEvent, DagsterEventType, DagsterInstance
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.event_api import AssetRecordsFilter, PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

DAY_PROCESSED = dg.AssetCheckKey(dg.AssetKey("retrain_recommended"), "day_processed")
"""The check with partitions. No result of it is planned: a run over a range of days would leave each day's open."""


def failing_partitions(instance: DagsterInstance, key: dg.AssetCheckKey) -> Mapping[str, dg.AssetCheckEvaluation]:
    """Return the newest result of a check by partition, of those whose newest result is a failure."""
    storage = instance.event_log_storage
    failing = {}
    for info in storage.get_asset_check_partition_info([key]):
        if info.partition_key is None or info.latest_execution_status != AssetCheckExecutionRecordStatus.FAILED:
            continue
        newest = storage.get_latest_asset_check_execution_by_key([key], PartitionKeyFilter(key=info.partition_key))
        evaluation = newest[key].evaluation
        if evaluation is not None:
            failing[info.partition_key] = evaluation
    return failing


def report_evaluation(instance: DagsterInstance, run: dg.DagsterRun, evaluation: dg.AssetCheckEvaluation) -> None:
    """Report a result as one of a run that has ended.

    Dagster stores one result of a partition without a run, and refuses the second.
    """
    outcome = "passed" if evaluation.passed else "did not pass"
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION.value,
        event_specific_data=evaluation,
        job_name=run.job_name,
        message=f"Asset check {evaluation.check_name!r} on {evaluation.partition} {outcome}.",
    )
    instance.report_dagster_event(event, run_id=run.run_id)


def newest_materialisation(
    instance: DagsterInstance, asset: dg.AssetKey, partition: str
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """Return the newest materialisation of a partition, as what a check has looked at; None without one."""
    of_partition = AssetRecordsFilter(asset_key=asset, asset_partitions=[partition])
    records = instance.fetch_materializations(of_partition, limit=1).records
    if not records:
        return None
    (newest,) = records
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=newest.storage_id, run_id=newest.run_id, timestamp=newest.timestamp
    )
