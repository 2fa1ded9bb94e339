"""Materialisations that belong to no run, in batches: Dagster's public method stores one at a time.

Which materialisations are written is in `resync`.
"""

import time
from collections.abc import Sequence

import dagster as dg
from dagster import DagsterEvent, DagsterEventType, DagsterInstance
from dagster._core.events import StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.instance import RUNLESS_JOB_NAME, RUNLESS_RUN_ID

_BATCH_EVENTS = 500
_LEVEL = 20


def report_materialisations(instance: DagsterInstance, materialisations: Sequence[dg.AssetMaterialization]) -> None:
    """Store materialisations of one asset as of now; the last one becomes the asset's newest."""
    entries = [_entry(materialisation) for materialisation in materialisations]
    for start in range(0, len(entries), _BATCH_EVENTS):
        instance.event_log_storage.store_event_batch(entries[start : start + _BATCH_EVENTS])


def _entry(materialisation: dg.AssetMaterialization) -> EventLogEntry:
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
        event_specific_data=StepMaterializationData(materialisation),
        job_name=RUNLESS_JOB_NAME,
    )
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        user_message="",
        level=_LEVEL,
        run_id=RUNLESS_RUN_ID,
        timestamp=time.time(),
        job_name=RUNLESS_JOB_NAME,
        dagster_event=event,
    )
