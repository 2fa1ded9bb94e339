"""The run tags that this code location writes and reads: which days a run covers, and what it was requested for.

Runs are requested by the sensors of each domain and by `schedules`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta

UNPROCESSED = "ml_guard/unprocessed"
"""On runs that process only days with unprocessed rows; without it a run recomputes all of its days."""

REQUEST_ID = "ml_guard/request_id"
"""Ids of the API requests that changed the days, with commas between them."""

FLAG = "ml_guard/flag"
"""On training runs: the flag that they were requested for."""

ATTEMPT = "ml_guard/attempt"
"""On training runs: how many runs had failed for the flag before."""

STAMP = "ml_guard/stamp"
"""On runs of the knowledge base: the sources and settings that they were requested for."""

PROJECT, MODEL, DAYS = "ml_guard/project", "ml_guard/model", "ml_guard/days"
"""What a run was requested for, for a person who looks for it: Dagster's pages filter by tags."""

VERDICTS_FIRST = {"dagster/priority": "10"}
"""On runs of days with unprocessed rows: the queue starts them before backfills and runs by hand, which have priority 0."""

TRAININGS_LAST = {"dagster/priority": "-10", "ml_guard/training": "true"}
"""On training runs, which take minutes: everything else starts before them, and `dagster.yaml` limits how many run at once."""

TRAINING_POOL = "trainings"
"""Pool of the assets of a training, which also limits runs by hand, without tags; `dagster.yaml` has the number of runs at once."""

BACKGROUND = {"ml_guard/background": "true"}
"""On runs of the jobs that no verdict waits for: `dagster.yaml` limits how many of them run at once, so that they leave room."""

_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_PARTITION = "dagster/partition"
_MAX_REQUEST_IDS = 20
_MAX_NAMES = 3


def range_tags(first_day: str, last_day: str) -> dict[str, str]:
    """Return the tags that make a run cover a closed range of days."""
    return {_RANGE_START: first_day, _RANGE_END: last_day}


def request_id_tag(request_ids: Sequence[str | None]) -> dict[str, str]:
    """Return the tag with the API requests that caused a run; no tag if there is no id."""
    ids = sorted({request_id for request_id in request_ids if request_id})
    return {REQUEST_ID: ",".join(ids[:_MAX_REQUEST_IDS])} if ids else {}


def subject_tags(models: Iterable[tuple[str, str]], days: Sequence[str]) -> dict[str, str]:
    """Return the tags that name projects, models and days of a run; of many names the first few, and how many more.

    >>> subject_tags([("shop", "churn"), ("shop", "price")], ["2013-01-05", "2013-01-09"])
    {'ml_guard/project': 'shop', 'ml_guard/model': 'churn, price', 'ml_guard/days': '2013-01-05 to 2013-01-09'}
    """
    keys = set(models)
    tags = {PROJECT: _list_few({project for project, _ in keys}), MODEL: _list_few({model for _, model in keys})}
    if days:
        tags[DAYS] = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return {name: text for name, text in tags.items() if text}


def _list_few(names: Collection[str]) -> str:
    listed = ", ".join(sorted(names)[:_MAX_NAMES])
    return f"{listed} and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else listed


def days_of(tags: Mapping[str, str]) -> list[str]:
    """Return the days that a run with these tags covers; none if it has no partition.

    >>> days_of(range_tags("2013-02-28", "2013-03-01"))
    ['2013-02-28', '2013-03-01']
    """
    if _RANGE_START in tags:
        first, last = date.fromisoformat(tags[_RANGE_START]), date.fromisoformat(tags[_RANGE_END])
        return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
    return [tags[_PARTITION]] if _PARTITION in tags else []
