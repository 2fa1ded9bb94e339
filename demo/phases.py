"""The demo from beginning to end, phase by phase: what is done in which order, and what it leaves in the summary."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from ml_guard import ApiError, BatchResult, MLGuardClient

from demo.checks import lake_counts, local_day_counts, missing_verdicts, wrong_counts, wrong_sums
from demo.days import has_profile, has_verdict, news_of, wait_until
from demo.flights import DAYS, ZONE, load_departures
from demo.processes import Processes
from demo.progress import Progress
from demo.report import drift_table, first_drift_days, verdicts_of
from demo.scoring import score
from demo.sending import MODEL_ID, send

_BASELINE_DAYS = 31
_CONFLICT = 409


@dataclass(frozen=True)
class Options:
    """What the person asked for."""

    days: int = DAYS
    api_key: str = "demo-key"
    project_id: str = "flights"


def run(options: Options, processes: Processes, progress: Progress, summary: dict[str, Any]) -> list[str]:
    """Run all phases, fill the summary as it goes, and return what did not hold.

    Raises
    ------
    DemoFailedError, MLGuardError, MissingDataError
        Where it cannot go on.
    """
    processes.begin()
    with progress.phase("prepare", "preparing the flights of 2013 (the processes start meanwhile)"):
        departures = _prepare(options, progress)
    expected = local_day_counts(departures)
    with progress.phase("start", "waiting for serving, Dagster webserver and daemon"):
        processes.wait(progress)
    with MLGuardClient(processes.api_url, options.api_key) as client:
        with progress.phase("send", f"sending {len(departures):,} events to {processes.api_url}"):
            result = _send(client, options, departures, progress)
        summary |= _counts(len(departures), result)
        _process(client, options.project_id, expected, progress)
        with progress.phase("verify", "counting everything again with pandas"):
            failures = wrong_sums(len(departures), result)
            failures += wrong_counts("lake", expected, lake_counts(processes.lake, options.project_id, MODEL_ID))
            failures += _verify(client, options.project_id, expected, summary, progress)
    progress.show(_where_to_look(options.project_id, processes))
    return failures


def _prepare(options: Options, progress: Progress) -> pd.DataFrame:
    departures = load_departures()
    scored = departures.join(score(departures))
    beginning = scored["departure"].iloc[0].normalize()
    chosen: pd.DataFrame = scored[scored["departure"] < beginning + pd.DateOffset(days=options.days)]
    progress.say(
        f"{len(chosen):,} departures of {options.days} days, scored by a model of January; latency is simulated"
    )
    return chosen


def _send(client: MLGuardClient, options: Options, departures: pd.DataFrame, progress: Progress) -> BatchResult:
    try:
        client.create_project(options.project_id, name="Flights out of New York, 2013", timezone=ZONE)
    except ApiError as error:
        if error.status != _CONFLICT:
            raise
        progress.say(
            f"project {options.project_id!r} is there from an earlier run: what was sent then is a duplicate now"
        )
    result = send(client, departures, options.project_id, progress)
    progress.say(f"{result.accepted:,} accepted, {result.duplicates:,} duplicates, {result.rejected:,} rejected")
    return result


def _process(client: MLGuardClient, project_id: str, expected: Mapping[str, int], progress: Progress) -> None:
    days = list(expected)
    news = news_of(client, project_id, MODEL_ID, days)
    reference = days[: min(_BASELINE_DAYS, len(days) * 2 // 3)]
    with progress.phase("baseline", f"waiting for the profiles of {reference[0]} to {reference[-1]}, the baseline"):
        wait_until(has_profile, reference, "profiled", news=news, progress=progress)
        _capture_baseline(client, project_id, {day: expected[day] for day in reference}, progress)
    with progress.phase("verdicts", "waiting for the verdict of every day"):
        wait_until(has_verdict, days, "judged", news=news, progress=progress)
        progress.say(f"{len(days)} days in the lake, profiled and judged")


def _capture_baseline(client: MLGuardClient, project_id: str, reference: Mapping[str, int], progress: Progress) -> None:
    wanted = (min(reference), max(reference), sum(reference.values()))
    for baseline in client.baselines(project_id, MODEL_ID):
        if baseline["active"] and (baseline["start"], baseline["end"], baseline["rows"]) == wanted:
            progress.say(f"version {baseline['version']} of the baseline has these days already")
            return
    client.capture_baseline(project_id, MODEL_ID, *wanted[:2])


def _verify(
    client: MLGuardClient,
    project_id: str,
    expected: Mapping[str, int],
    summary: dict[str, Any],
    progress: Progress,
) -> list[str]:
    days = list(expected)
    window = {"start": days[0], "end": days[-1]}
    metrics = client.metrics(project_id, MODEL_ID, **window)
    reports = client.drift(project_id, MODEL_ID, **window)
    verdicts = verdicts_of(reports)
    summary |= {"days_materialised": len(reports), "first_drift_day": first_drift_days(verdicts)}
    progress.show(drift_table(verdicts))
    counted = {item["day"]: item["count"] for item in metrics}
    return wrong_counts("metrics", expected, counted) + missing_verdicts(days, reports)


def _counts(sent: int, result: BatchResult) -> dict[str, int]:
    return {"sent": sent, "accepted": result.accepted, "duplicate": result.duplicates, "rejected": result.rejected}


def _where_to_look(project_id: str, processes: Processes) -> str:
    model = f"{processes.api_url}/api/v1/projects/{project_id}/models/{MODEL_ID}"
    return "\n".join(
        [
            "Look at it: make up, then",
            f"  the assets, day by day   {processes.dagster_url}/assets",
            f"  the drift of each day    curl -H 'X-API-Key: demo-key' '{model}/drift?start=2013-07-01&end=2013-07-31'",
            f"  the metrics of each day  curl -H 'X-API-Key: demo-key' '{model}/metrics?start=2013-07-01&end=2013-07-31'",
        ]
    )
