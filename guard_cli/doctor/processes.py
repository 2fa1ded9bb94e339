"""Checks of what runs on this machine: ports, Dagster's webserver and daemon, MLflow's pages, the clock."""

import time
from datetime import UTC, datetime
from pathlib import Path

from guard_cli.doctor.check import Outcome, ok, problem, unused
from guard_core.formats import ago
from guard_core.settings import ENV_PREFIX, MLFLOW_HOST, Settings, reachable_url

_REQUEST_TIMEOUT_S = 10
_FUTURE_S = 60
_OLDEST = datetime(2026, 1, 1, tzinfo=UTC)  # older than every release


def check_server_port(settings: Settings) -> Outcome:
    """Check that the server's port is free, or the server is what listens there."""
    import httpx

    host, port = settings.server.host, settings.server.port
    try:
        response = httpx.get(f"{reachable_url(host, port)}/healthz", timeout=_REQUEST_TIMEOUT_S, trust_env=False)
        is_ours = response.is_success and response.json() == {"status": "ok"}
    except (httpx.HTTPError, ValueError):
        is_ours = False
    return ok(f"port {port}: the server answers") if is_ours else _bindable(host, port, "PORT")


def check_dagster(settings: Settings) -> Outcome:
    """Check that Dagster's webserver, daemon and code location work, or that its port is free."""
    import httpx

    from guard_cli.stack.dagster_health import dagster_is_healthy
    from guard_cli.terminal import CommandError

    host, port = settings.dagster.host, settings.dagster.port
    url = reachable_url(host, port)
    with httpx.Client(timeout=_REQUEST_TIMEOUT_S, trust_env=False) as client:
        try:
            client.get(f"{url}/server_info").raise_for_status().json()["dagster_version"]
        except (httpx.HTTPError, ValueError, KeyError):
            return _bindable(host, port, "DAGSTER_PORT")
        try:
            is_healthy = dagster_is_healthy(client, url)
        except CommandError as error:
            return problem(str(error), "correct the code of the pipelines, then `ml-guard down` and `ml-guard up`")
    if not is_healthy:
        return problem(
            f"port {port}: the webserver answers, the daemon or the code location does not run",
            "wait a minute if it has just started; else `ml-guard down`, then `ml-guard up`",
        )
    return ok(f"port {port}: webserver, daemon and code location run")


def check_mlflow_pages(settings: Settings) -> Outcome:
    """Check that MLflow's pages answer, or that their port is free."""
    import httpx

    storage = settings.storage
    if not storage.has_mlflow_ui:
        return unused("not set: `ml-guard up` starts none")
    try:
        httpx.get(f"{storage.mlflow_ui_url}/version", timeout=_REQUEST_TIMEOUT_S, trust_env=False).raise_for_status()
    except httpx.HTTPError:
        return _bindable(MLFLOW_HOST, storage.mlflow_port, "MLFLOW_PORT")
    return ok(f"port {storage.mlflow_port}: MLflow answers")


def check_daemon(settings: Settings) -> Outcome:
    """Check that the sensor that processes days has run lately."""
    from guard_core.days import from_microseconds
    from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
    from guard_store.db.database import Database
    from serving.health.silence import is_silent

    if not _has_database(settings):
        return unused("has not run yet: `ml-guard up` starts it")
    database = Database(settings.storage.database)
    try:
        ticked_us = TickStore(database).newest(UNPROCESSED_DAYS)
    finally:
        database.close()
    if ticked_us is None:
        return unused("has not run yet: `ml-guard up` starts it")
    last = f"the sensor {UNPROCESSED_DAYS} ran {ago(from_microseconds(ticked_us))}"
    if is_silent(ticked_us, settings.pipelines):
        return problem(f"{last}: no day is processed", "start Dagster's daemon with `ml-guard up`")
    return ok(last)


def check_clock(settings: Settings) -> Outcome:
    """Compare this machine's clock with that of the database, or with the newest file of the home folder."""
    now = time.time()
    if now < _OLDEST.timestamp():
        return problem(f"this machine's clock says {datetime.now(UTC):%Y-%m-%d}", "set the clock, or switch NTP on")
    offset_s = _offset_s(settings, now)
    if abs(offset_s) > _FUTURE_S:
        return problem(
            f"this machine's clock is {abs(offset_s):,.0f} s {'behind' if offset_s > 0 else 'ahead of'} what is stored",
            "set the clock, or switch NTP on: days close, and labels join, by it",
        )
    return ok(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")


def _offset_s(settings: Settings, now: float) -> float:
    """Return by how many seconds this clock is behind PostgreSQL's, or behind the newest file that ML Guard has written."""
    from sqlalchemy import func, select

    from guard_store.db.database import Database

    if settings.storage.database.startswith("sqlite"):
        home = settings.storage.home
        newest = max((path.stat().st_mtime for path in home.iterdir()), default=now) if home.is_dir() else now
        return max(0.0, newest - now)
    database = Database(settings.storage.database)
    try:
        with database.read() as connection:
            stored: datetime = connection.execute(select(func.now())).scalar_one()
    finally:
        database.close()
    return stored.timestamp() - now


def _has_database(settings: Settings) -> bool:
    url = settings.storage.database
    return not url.startswith("sqlite") or Path(url.partition(":///")[2]).exists()


def _bindable(host: str, port: int, setting: str) -> Outcome:
    from guard_cli.serve import bound_socket
    from guard_cli.terminal import CommandError

    try:
        with bound_socket(host, port, f"{ENV_PREFIX}{setting}"):
            return unused(f"port {port} is free: nothing runs, `ml-guard up` starts it")
    except CommandError as error:
        detail, _, fix = str(error).partition(": ")
        return problem(f"{detail} by something else", fix or f"set {ENV_PREFIX}{setting}")
