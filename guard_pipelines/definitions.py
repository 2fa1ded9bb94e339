"""The code location: everything that Dagster loads, built when Dagster asks for it and not at import."""

from functools import cache

import dagster as dg

from guard_core.settings import load_settings
from guard_pipelines.alerts.assets import alerts
from guard_pipelines.alerts.sensors import failed_runs, finished_runs, monthly_reports, silent_models
from guard_pipelines.costs.assets import aws_costs, cost_alerts, llm_costs
from guard_pipelines.costs.checks import aws_available, unusual_aws_costs, unusual_llm_costs
from guard_pipelines.days.sensors import unprocessed_days
from guard_pipelines.descriptions import describe
from guard_pipelines.executors import executor_of
from guard_pipelines.external_assets import EXTERNAL
from guard_pipelines.jobs import costs, daily, knowledge, observe_external_assets, retention, retrain
from guard_pipelines.knowledge.assets import chunks, documents, embeddings
from guard_pipelines.knowledge.checks import sources_readable
from guard_pipelines.knowledge.sensors import sources
from guard_pipelines.monitoring.assets import daily_aggregates, drift_reports, performance, raw_events
from guard_pipelines.monitoring.checks.data import data_checks
from guard_pipelines.monitoring.checks.progress import day_processed, days_processed, drift, latest_due_day
from guard_pipelines.partitions import partitioned_from
from guard_pipelines.resources import Guard
from guard_pipelines.retention.assets import audit_retention, lake_upkeep, run_retention
from guard_pipelines.retraining.assets import (
    candidate_model,
    model_evaluation,
    registered_model,
    retrain_recommended,
    training_set,
)
from guard_pipelines.retraining.sensors import retrain_sensor
from guard_pipelines.runtime.warm_runs import start_runs_warm
from guard_pipelines.schedules import every_bill, every_day, every_night, every_observation
from ml.environment import set_library_defaults


@dg.definitions
@cache  # all runs of a process resolve the same definitions
def defs() -> dg.Definitions:
    """Read the settings, let runs start warm, and build the definitions."""
    set_library_defaults()
    settings = load_settings()
    start_runs_warm(settings)
    return dg.Definitions(
        assets=dg.map_asset_specs(
            describe(settings),
            partitioned_from(
                settings.ingest.first_day,
                [
                    raw_events,
                    daily_aggregates,
                    drift_reports,
                    performance,
                    retrain_recommended,
                    alerts,
                    training_set,
                    candidate_model,
                    model_evaluation,
                    registered_model,
                    audit_retention,
                    lake_upkeep,
                    run_retention,
                    documents,
                    chunks,
                    embeddings,
                    aws_costs,
                    llm_costs,
                    cost_alerts,
                    *EXTERNAL,
                ],
            ),
        ),
        asset_checks=[
            data_checks,
            days_processed,
            day_processed(settings.ingest.first_day),
            latest_due_day,
            drift,
            sources_readable,
            aws_available,
            unusual_aws_costs,
            unusual_llm_costs,
        ],
        jobs=[daily, retrain, retention, knowledge, costs, observe_external_assets],
        schedules=[every_day, every_night, every_bill, every_observation],
        sensors=[
            unprocessed_days(settings.pipelines.interval_s),
            retrain_sensor(settings.pipelines.interval_s),
            sources,
            failed_runs,
            finished_runs,
            silent_models,
            monthly_reports,
        ],
        resources={"guard": Guard()},
        executor=executor_of(settings),
    )
