"""The phases of the demo in order, and what each adds to the summary.

How a phase works belongs in the other modules.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from ml_guard import ApiError, BatchResult, MLGuardClient

from demo.alerts import check_threads, format_thread, select_thread, summary_of, threads_of
from demo.calls.checks import SAMPLE_DAYS, check_calls, pull_sample_costs
from demo.calls.sending import TOOL_RULES, open_admin, send_calls
from demo.checks import check_counts, check_gain, check_sums, check_verdicts, lake_counts, local_day_counts
from demo.comparison import month_of, score_flights, season_of, stored_answers, version_answers
from demo.flights import DAYS, ZONE, load_departures
from demo.processes import Processes
from demo.progress import Progress
from demo.refusals import refusal_lines, refusals_of
from demo.replay import (
    champion,
    flags_by_day,
    predict_step,
    send_first,
    train_first,
    wait_for_days,
)
from demo.report import drift_table, first_drift_days, month_line, month_table, performance_of, verdicts_of
from demo.sending import MODEL_ID
from demo.steps import Step, steps_of

_CONFLICT = 409
_SUMMER = ("2013-06", "2013-07", "2013-08")
_SETTINGS = {
    "retrain": {"max_age_days": 30},  # in addition to the default rules, because flights change with the season
    "training": {"algorithms": ["gradient_boosting"], "folds": 1, "search_rows": 10_000},  # seconds, not minutes
    "drift": {"latency_ms": False},  # thousands of flights are predicted in one request, whose latency is meaningless
    "tools": TOOL_RULES,
}


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    days: int = DAYS
    api_key: str = "demo-key"
    project_id: str = "flights"


def run(options: Options, processes: Processes, progress: Progress, summary: dict[str, Any]) -> list[str]:
    """Run all phases, fill the summary, and return the failed checks.

    Raises
    ------
    DemoFailedError, MLGuardError, MissingDataError
        If the demo cannot go on.
    """
    processes.begin()
    with progress.phase("prepare", "preparing the flights of 2013 (the processes start meanwhile)"):
        departures = _prepare(options, progress)
    counts = local_day_counts(departures)
    first, *later = steps_of(departures, counts)
    with progress.phase("start", "waiting for serving, Dagster webserver and daemon"):
        processes.wait(progress)
    with MLGuardClient(processes.api_url, options.api_key) as client:
        with progress.phase(
            "first", f"{first.days[0]} to {first.days[-1]}: flights, what became of them, a first model"
        ):
            sent = _first_model(client, options, first, summary, progress)
        with progress.phase("replay", f"{later[0].days[0]} to {later[-1].days[-1]}: predicted, labelled, guarded"):
            labelled = [_replay(client, options, step, summary, progress) for step in later]
        with progress.phase("compare", "the January model, never replaced, against the guarded champion"):
            tables = _compare(processes, options, later, summary)
            summary["refusals"] = _judge_refusals(client, processes, options, later)
        with progress.phase("calls", "two users call language models: a stand-in, with invented prices"):
            failures = _call(client, options, processes, departures, summary, progress)
        with progress.phase("verify", "counting everything again with pandas"):
            failures += check_sums(len(first.departures), sent)
            failures += [
                complaint for step, result in zip(later, labelled, strict=True) for complaint in _labels(step, result)
            ]
            failures += check_counts("lake", counts, lake_counts(processes.lake, options.project_id, MODEL_ID))
            guarded = [day for step in later for day in step.days]
            failures += _verify(client, options.project_id, counts, guarded, summary, progress)
            failures += _gain(tables, summary)
            threads = threads_of(client, options.project_id, progress)
            failures += check_threads(threads, until_autumn=all(month in tables for month in _SUMMER))
            summary["alerts"] = summary_of(threads)
    progress.show(month_table(summary["months"], summary.get("june_to_august")))
    progress.show(refusal_lines(summary["refusals"]))
    if thread := select_thread(threads):
        progress.show(format_thread(thread))
    progress.show(_where_to_look(options.project_id, processes))
    return failures


def _prepare(options: Options, progress: Progress) -> pd.DataFrame:
    departures = load_departures()
    start = departures["departure"].iloc[0].normalize()
    replayed: pd.DataFrame = departures[departures["departure"] < start + pd.DateOffset(days=options.days)]
    progress.say(f"{len(replayed):,} departures of {options.days} days; late means over 15 minutes late on arrival")
    return replayed


def _first_model(
    client: MLGuardClient, options: Options, step: Step, summary: dict[str, Any], progress: Progress
) -> BatchResult:
    _make_project(client, options.project_id, progress)
    events, labels = send_first(client, step, options.project_id, progress)
    progress.say(
        f"{events.accepted:,} events and {labels.accepted:,} labels accepted, {events.duplicates:,} duplicates"
    )
    summary |= {
        "sent": len(step.departures),
        "accepted": events.accepted,
        "duplicate": events.duplicates,
        "rejected": events.rejected,
    }
    wait_for_days(client, step, options.project_id, progress)
    version = train_first(client, step, options.project_id, progress)
    progress.say(f"version {version} is the champion")
    return events


def _make_project(client: MLGuardClient, project_id: str, progress: Progress) -> None:
    try:
        client.create_project(project_id, name="Flights out of New York, 2013", timezone=ZONE, settings=_SETTINGS)
    except ApiError as error:
        if error.status != _CONFLICT:
            raise
        progress.say(f"project {project_id!r} is there from an earlier run: what was sent then is a duplicate now")


def _replay(
    client: MLGuardClient, options: Options, step: Step, summary: dict[str, Any], progress: Progress
) -> BatchResult:
    project_id = options.project_id
    versions, labels = predict_step(client, step, project_id, progress)
    wait_for_days(client, step, project_id, progress)
    flags = [flag for day, flag in flags_by_day(client, project_id).items() if day in step.counts]
    performance = client.performance(project_id, MODEL_ID, start=step.days[0], end=step.days[-1])
    month = {
        "month": step.name,
        "flights": len(step.departures),
        "versions": sorted(versions, key=int),
        "champion_after": champion(client, project_id),
        "flags": [{"day": flag["day"], "reasons": flag["reasons"]} for flag in flags],
        **performance_of(performance),
    }
    summary.setdefault("months", []).append(month)
    progress.say(month_line(month))
    return labels


def _compare(
    processes: Processes, options: Options, steps: Sequence[Step], summary: dict[str, Any]
) -> dict[str, pd.DataFrame]:
    stored = stored_answers(processes.lake, options.project_id)
    with tempfile.TemporaryDirectory() as scratch:
        first = version_answers(processes.mlflow, "1", options.project_id, steps, Path(scratch))
    tables = {step.name: score_flights(step, first, stored) for step in steps}
    for month in summary["months"]:
        month["roc_auc"] = month_of(tables[month["month"]])
        answered = stored["model_version"].reindex(_step(steps, month["month"]).departures["event_id"])
        month["versions"] = sorted(answered.dropna().unique().tolist(), key=int)
    return tables


def _judge_refusals(
    client: MLGuardClient, processes: Processes, options: Options, steps: Sequence[Step]
) -> list[dict[str, Any]]:
    versions = client.versions(options.project_id, MODEL_ID)
    stored = stored_answers(processes.lake, options.project_id)
    with tempfile.TemporaryDirectory() as scratch:

        def answers_of(version: str, step: Step) -> pd.Series:
            return version_answers(processes.mlflow, version, options.project_id, [step], Path(scratch) / version)

        return refusals_of(versions, steps, stored, answers_of)


def _call(
    client: MLGuardClient,
    options: Options,
    processes: Processes,
    departures: pd.DataFrame,
    summary: dict[str, Any],
    progress: Progress,
) -> list[str]:
    with open_admin(processes.api_url, options.api_key) as admin:
        calls = send_calls(admin, options.project_id, departures)
        failures = check_calls(admin, client, options.project_id, calls)
    summary["calls"] = {user.name: dict(Counter(map(str, user.statuses))) for user in calls.users}
    answered, sent = (sum(counts) for counts in zip(*((u.answered, len(u.statuses)) for u in calls.users), strict=True))
    progress.say(f"{answered} of {sent} calls answered, {sent - answered} refused by a budget")
    failures += pull_sample_costs(client, options.project_id, datetime.now(ZoneInfo(ZONE)).date())
    progress.say(f"sample costs of {SAMPLE_DAYS} days in place of AWS's, marked as a sample")
    return failures


def _step(steps: Sequence[Step], name: str) -> Step:
    return next(step for step in steps if step.name == name)


def _gain(tables: Mapping[str, pd.DataFrame], summary: dict[str, Any]) -> list[str]:
    if not all(month in tables for month in _SUMMER):
        return []
    summary["june_to_august"] = season_of([tables[month] for month in _SUMMER])
    return check_gain(summary["june_to_august"]["difference"])


def _labels(step: Step, result: BatchResult) -> list[str]:
    landed = int(step.departures["late"].notna().sum())
    return [f"{step.name}: {complaint}" for complaint in check_sums(landed, result)]


def _verify(
    client: MLGuardClient,
    project_id: str,
    expected: Mapping[str, int],
    guarded: Sequence[str],
    summary: dict[str, Any],
    progress: Progress,
) -> list[str]:
    """Check that every day has all its flights, and that every day with a champion has a verdict against its baseline."""
    days = list(expected)
    window = {"start": days[0], "end": days[-1]}
    metrics = client.metrics(project_id, MODEL_ID, **window)
    reports = client.drift(project_id, MODEL_ID, **window)
    verdicts = verdicts_of(reports)
    summary |= {"days_materialised": len(reports), "first_drift_day": first_drift_days(verdicts)}
    progress.show(drift_table(verdicts))
    counted = {item["day"]: item["count"] for item in metrics}
    return check_counts("metrics", expected, counted) + check_verdicts(guarded, reports)


def _where_to_look(project_id: str, processes: Processes) -> str:
    model = f"{processes.api_url}/api/v1/projects/{project_id}/models/{MODEL_ID}"
    curl = "curl -H 'X-API-Key: demo-key'"
    return "\n".join(
        [
            "Look at it: make up, then",
            f"  the assets, day by day     {processes.dagster_url}/assets",
            f"  the drift of each day      {curl} '{model}/drift?start=2013-07-01&end=2013-07-31'",
            f"  reasons of retraining      {curl} '{model}/flags'",
            f"  the versions, their cards  {curl} '{model}/versions'",
            f"  the alert messages         {processes.alert_file}",
            f"  the performance            {curl} '{model}/performance?start=2013-07-01&end=2013-07-31'",
        ]
    )
