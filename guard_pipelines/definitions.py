"""Everything that Dagster loads, and nothing else: no I/O beyond reading the settings."""

import dagster as dg

from guard_pipelines.assets.alerts import alerts
from guard_pipelines.assets.audit_retention import audit_retention
from guard_pipelines.assets.costs import aws_costs, cost_alerts, llm_costs
from guard_pipelines.assets.daily_aggregates import daily_aggregates
from guard_pipelines.assets.drift_reports import drift_reports
from guard_pipelines.assets.knowledge import chunks, documents, embeddings
from guard_pipelines.assets.lake_upkeep import lake_upkeep
from guard_pipelines.assets.performance import performance
from guard_pipelines.assets.raw_events import raw_events
from guard_pipelines.assets.retrain_recommended import retrain_recommended
from guard_pipelines.assets.training import candidate_model, model_evaluation, registered_model, training_set
from guard_pipelines.checks.costs import aws_available, unusual_aws_costs, unusual_llm_costs
from guard_pipelines.checks.data import data_checks
from guard_pipelines.checks.knowledge import sources_readable
from guard_pipelines.checks.lake import lake_matches_store
from guard_pipelines.checks.progress import days_processed, drift, latest_due_day
from guard_pipelines.jobs import costs, daily, knowledge, retention, retrain
from guard_pipelines.resources import Guard
from guard_pipelines.schedules import every_bill, every_day, every_night
from guard_pipelines.sensors.alerts import failed_runs, silent_models
from guard_pipelines.sensors.knowledge import sources
from guard_pipelines.sensors.news import news
from guard_pipelines.sensors.retrain import retrain_sensor
from guard_pipelines.warm_runs import start_runs_warm
from guard_store.settings import load_settings

start_runs_warm(load_settings())

defs = dg.Definitions(
    assets=[
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
        documents,
        chunks,
        embeddings,
        aws_costs,
        llm_costs,
        cost_alerts,
    ],
    asset_checks=[
        lake_matches_store,
        data_checks,
        days_processed,
        latest_due_day,
        drift,
        sources_readable,
        aws_available,
        unusual_aws_costs,
        unusual_llm_costs,
    ],
    jobs=[daily, retrain, retention, knowledge, costs],
    schedules=[every_day, every_night, every_bill],
    sensors=[news, retrain_sensor, sources, failed_runs, silent_models],
    resources={"guard": Guard()},
    # Also for what is materialised by hand: a process a step would cost more than the step.
    executor=dg.in_process_executor,
)
