"""The jobs: which assets run together.

They are requested by the sensors of each domain and by `schedules`. Their executor is that of `definitions`.
"""

from collections.abc import Mapping, Sequence

import dagster as dg

from guard_pipelines.alerts.assets import alerts
from guard_pipelines.costs.assets import aws_costs, cost_alerts, llm_costs
from guard_pipelines.external_assets import OBSERVED, knowledge_sources
from guard_pipelines.knowledge.assets import chunks, documents, embeddings
from guard_pipelines.monitoring.assets import daily_aggregates, drift_reports, performance, raw_events
from guard_pipelines.retention.assets import audit_retention, lake_upkeep, run_retention
from guard_pipelines.retraining.assets import (
    candidate_model,
    model_evaluation,
    registered_model,
    retrain_recommended,
    training_set,
)
from guard_pipelines.runtime.check_partitions import DAY_PROCESSED
from guard_pipelines.tags import BACKGROUND, TRAININGS_LAST

_DAILY = (raw_events, daily_aggregates, drift_reports, performance, retrain_recommended, alerts)
_RETENTION = (audit_retention, lake_upkeep, run_retention)
_KNOWLEDGE = (documents, chunks, embeddings)
_COSTS = (aws_costs, llm_costs, cost_alerts)
_ASSETS_LISTED = 3

daily = dg.define_asset_job(
    "daily",
    # A result of `day_processed` is reported after the run, and only on days that have failed.
    selection=dg.AssetSelection.assets(*_DAILY) - dg.AssetSelection.checks(DAY_PROCESSED),
    description="Events into lake, profiles, drift verdicts, performance, the retrain rule and alerts, for the days of a run.",
)

retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.assets(training_set, candidate_model, model_evaluation, registered_model),
    tags=TRAININGS_LAST,
    description="From a retrain flag to a registered version, for the model of a run.",
)

retention = dg.define_asset_job(
    "retention",
    selection=dg.AssetSelection.assets(*_RETENTION),
    tags=BACKGROUND,
    description="Deletes what is older than the settings allow, and files of the lake that nothing can request any more.",
)

knowledge = dg.define_asset_job(
    "knowledge",
    # Observed first, so that the documents are those of the version that was observed.
    selection=dg.AssetSelection.assets(knowledge_sources.key, *_KNOWLEDGE),
    tags=BACKGROUND,
    description="Sources into documents, chunks and vectors: what /query answers from.",
)

observe_external_assets = dg.define_asset_job(
    "observe_external_assets",
    selection=dg.AssetSelection.assets(*(spec.key for spec in OBSERVED)),
    tags=BACKGROUND,
    description="Observes what the pipelines read and serve: events, labels, baselines, policies, sources, the registry.",
)

costs = dg.define_asset_job(
    "costs",
    selection=dg.AssetSelection.assets(*_COSTS),
    tags=BACKGROUND,
    description="What the days of a run have cost, at AWS and in calls of language models.",
)


_ASSETS_OF: Mapping[str, Sequence[dg.AssetsDefinition | dg.AssetSpec]] = {
    daily.name: _DAILY,
    retention.name: _RETENTION,
    knowledge.name: _KNOWLEDGE,
    costs.name: _COSTS,
    observe_external_assets.name: OBSERVED,
}


def assets_of(run: dg.DagsterRun) -> frozenset[str]:
    """Return the assets that a run covers: those that a person has chosen, else all of its job."""
    checked = {check.asset_key for check in run.asset_check_selection or ()}  # a run of checks alone selects no asset
    keys = run.asset_selection or checked or {asset.key for asset in _ASSETS_OF.get(run.job_name, ())}
    return frozenset(key.to_user_string() for key in keys)


def describe(run: dg.DagsterRun) -> str:
    """Return what a run is, for a message: of a job, or of assets that a person has chosen."""
    if run.job_name in _ASSETS_OF:
        return f"the job {run.job_name}"
    assets = sorted(assets_of(run))
    more = f" and {len(assets) - _ASSETS_LISTED} more" if len(assets) > _ASSETS_LISTED else ""
    return f"{', '.join(assets[:_ASSETS_LISTED])}{more} by hand"
