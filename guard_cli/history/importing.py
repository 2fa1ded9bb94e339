"""`ml-guard import`: send a model's history, capture a baseline over its first days, and show the first verdicts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from guard_cli.history.files import find_dates, find_numbers_as_text, read_history
from guard_cli.history.mapping import ColumnMapping, map_columns
from guard_cli.history.requests import DaysChangedError, ImportClient
from guard_cli.history.rows import first_window, local_days, split_events, to_events
from guard_cli.terminal import CommandError, example, print_answer, print_note
from guard_core.names import display_name
from guard_core.settings import Settings, load_settings

if TYPE_CHECKING:  # help must not wait for Arrow
    import pyarrow as pa

_CAPTURES = 5
_KEY_VARIABLE = "ML_GUARD_API_KEY"
_ERRORS_SHOWN = 5
_REJECTED = 1


@click.command(
    "import",
    epilog=example(
        "ml-guard import history.csv --project shop --model churn --label churned",
        "ml-guard import s3://bucket/churn/ --project shop --model churn --time ts --pred y --proba p --label late",
    ),
)
@click.argument("source")
@click.option(
    "--project", "project_id", required=True, metavar="ID", help="Project; it is created if it does not exist."
)
@click.option("--model", "model_id", required=True, metavar="ID", help="Model that made the predictions.")
@click.option("--time", "time_column", metavar="COLUMN", help="When each prediction was made.")
@click.option("--pred", metavar="COLUMN", help="The prediction.")
@click.option("--proba", metavar="COLUMN", help="Probability of the positive label.")
@click.option("--label", metavar="COLUMN", help="The true outcome.")
@click.option(
    "--label-time", metavar="COLUMN", help="When the outcome became known; default: the time of the prediction."
)
@click.option(
    "--positive",
    metavar="LABEL",
    help="Label that means a prediction of 1 (the larger), where labels have other words.",
)
@click.option("--id", "id_column", metavar="COLUMN", help="Id of the prediction; default: a digest of the row.")
@click.option("--segment", metavar="COLUMN", help="Segment that is judged by itself.")
@click.option("--latency", metavar="COLUMN", help="Latency in milliseconds.")
@click.option("--version", metavar="COLUMN", help="Version of the model.")
@click.option("--timezone", help="IANA time zone of a new project; default: UTC.")
@click.option(
    "--baseline-days", type=click.IntRange(1), default=28, show_default=True, help="First days, as the baseline."
)
@click.option("--server", help="Address of the server; default: that of the settings.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0), default=1800, show_default=True, help="Seconds for the verdicts."
)
@click.option("--dry-run", is_flag=True, help="Show the mapping, check all rows and send nothing.")
def import_history(
    source: str,
    project_id: str,
    model_id: str,
    timezone: str | None,
    positive: str | None,
    baseline_days: int,
    server: str | None,
    wait_s: float,
    *,
    dry_run: bool,
    **columns: str | None,
) -> int:
    """Import a model's history from SOURCE, and show its first verdicts.

    SOURCE is a CSV, Parquet or NDJSON file, a folder of them (`region=north/` is a column), or an S3 prefix. Columns that no option names are guessed from their
    names; all others are features. An import can be repeated: what is stored already is a duplicate. The key is read from the
    variable ML_GUARD_API_KEY; without it, a temporary one is created in the database of the settings.
    """
    table, left_out = read_history(source)
    chosen = {name.removesuffix("_column").replace("_", "-"): column for name, column in columns.items()}
    left_out |= find_dates(table)
    mapping = map_columns(table.column_names, chosen, left_out)
    _show_mapping(mapping, left_out, table)
    settings = load_settings()
    if dry_run:
        return _check(to_events(table, mapping, project_id, model_id, timezone or "UTC", positive), settings)
    address = (server or settings.server.public_address).rstrip("/")
    with _key(settings) as key, ImportClient(address, key) as client:
        zone = client.ensure_project(project_id, timezone)
        events = to_events(table, mapping, project_id, model_id, zone, positive)
        rejected = _send_all(client, events)
        days = local_days(events, zone)
        _judge(client, project_id, model_id, days, baseline_days, wait_s)
        _show_findings(client, project_id, model_id, days, address)
    return _REJECTED if rejected else 0


def _check(events: "pa.Table", settings: Settings) -> int:
    """Show which rows the server would refuse, and return the exit code."""
    from guard_cli.history.checking import find_refusals

    refusals = find_refusals(events, settings)
    for name, errors in refusals.items():
        print_note(f"{name}: {len(errors):,} would be rejected")
        for error in errors[:_ERRORS_SHOWN]:
            print_note(f"  row {error.index + 1} (by time): {error.field}: {error.reason}")
    return _REJECTED if any(refusals.values()) else 0


@contextmanager
def _key(settings: Settings) -> Iterator[str]:
    """Yield the key of the environment, or a temporary one that is revoked at the end."""
    if key := os.environ.get(_KEY_VARIABLE):
        yield key
        return
    from guard_cli.database import open_database
    from guard_store.auth.store import KeyStore

    with open_database(settings) as database:
        keys = KeyStore(database)
        record, secret = keys.create("ml-guard import", "admin")
        try:
            yield secret
        finally:
            keys.revoke(record.id)


def _show_mapping(mapping: ColumnMapping, left_out: dict[str, str], table: "pa.Table") -> None:
    print_note(f"{table.num_rows:,} rows:")
    for part, column in mapping.columns.items():
        print_note(f"  --{part:<12} {column}")
    print_note(f"  features      {', '.join(mapping.features) or 'none'}")
    for column, reason in left_out.items():
        if column not in mapping.columns.values():
            print_note(f"  left out      {column}: {reason}")
    for column in find_numbers_as_text(table, mapping.features):
        print_note(
            f"  text          {column}: all its values are numbers; cast it in the file if it is a number, not a code"
        )


def _send_all(client: ImportClient, events: "pa.Table") -> int:
    """Send events, then their labels; return the number of rejected rows."""
    rows, labels = split_events(events)
    rejected = _send(client, "/api/v1/events/batch", rows, "events")
    if labels is not None:
        rejected += _send(client, "/api/v1/labels", labels, "labels")
    return rejected


def _send(client: ImportClient, path: str, rows: "pa.Table", name: str) -> int:
    totals = {"accepted": 0, "duplicates": 0, "rejected": 0}
    errors: list[dict[str, Any]] = []
    with click.progressbar(length=rows.num_rows, label=f"{name:<9}") as bar:
        for summary in client.send(path, rows):
            for key in totals:
                totals[key] += summary[key]
            errors += summary["errors"][: _ERRORS_SHOWN - len(errors)]
            bar.update(sum(summary[key] for key in totals))
    print_note(f"{name}: {', '.join(f'{count:,} {key}' for key, count in totals.items())}")
    for error in errors:
        print_note(f"  row {error['index'] + 1} (by time): {error['field']}: {error['reason']}")
    return totals["rejected"]


def _judge(
    client: ImportClient, project_id: str, model_id: str, days: list[date], baseline_days: int, wait_s: float
) -> None:
    first, last = first_window(days, baseline_days)

    def wait(label: str, from_day: date, to_day: date, stage: str) -> None:
        count = sum(from_day <= day <= to_day for day in days)
        with click.progressbar(length=count, label=label) as bar:
            client.wait(project_id, model_id, from_day, to_day, stage, lambda done: bar.update(done - bar.pos), wait_s)

    for attempt in range(1, _CAPTURES + 1):  # labels are counted on their days some seconds after they were sent
        wait("profiles ", first, last, "profile")
        try:
            version = client.capture_baseline(project_id, model_id, first, last)
        except DaysChangedError:
            if attempt == _CAPTURES:
                raise
        else:
            print_note(f"baseline {version}: {first} to {last}")
            break
    wait("verdicts ", days[0], days[-1], "retrain")


def _show_findings(client: ImportClient, project_id: str, model_id: str, days: list[date], address: str) -> None:
    span = (days[-1] - days[0]).days + 1
    model = client.overview(project_id, model_id, min(span, 366))
    if model is None:
        raise CommandError(f"model {model_id!r} has no events")
    drifted = [day for day, verdict in zip(model["days"], model["verdicts"], strict=True) if verdict == "drift"]
    if drifted:
        print_answer(f"drift on {len(drifted)} of {len(model['days'])} days, first on {drifted[0]}:")
        for sentence in client.drifted_columns(project_id, model_id, drifted[0]):
            print_answer(f"  {sentence}")
    else:
        print_answer(f"no drift on {len(model['days'])} days")
    if metric := model["metric"]:
        baseline = "" if metric["baseline"] is None else f", {metric['baseline']:.3f} in the baseline"
        print_answer(f"{display_name(metric['name'])} is {metric['value']:.3f} on {metric['day']}{baseline}")
    print_answer(f"{address}/projects/{project_id}/models/{model_id}")
    print_note("`ml-guard open` signs you in to the pages")
