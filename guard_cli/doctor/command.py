"""`ml-guard doctor`: the table of checks, their order, and the command."""

import os
from collections.abc import Mapping

import click

from guard_cli.doctor import processes, services, storage
from guard_cli.doctor.check import Check, Outcome, ok, problem, run_check
from guard_cli.terminal import Column, example, json_option, print_answer, print_rows
from guard_core.formats import count
from guard_core.settings import SettingsError, load_settings

CHECKS: Mapping[str, Check] = {
    "home folder": storage.check_home,
    "database": storage.check_database,
    "lake": storage.check_lake,
    "MLflow": storage.check_mlflow,
    "files": services.check_files,
    "embedding model": services.check_embedding,
    "Qdrant": services.check_qdrant,
    "language models": services.check_language_models,
    "alert routes": services.check_alert_routes,
    "AWS": services.check_aws,
    "server": processes.check_server_port,
    "Dagster": processes.check_dagster,
    "MLflow's pages": processes.check_mlflow_pages,
    "daemon": processes.check_daemon,
    "clock": processes.check_clock,
}
_CONNECT_TIMEOUT_S = "10"
_PROBLEM = 1
_COLUMNS = [Column("check"), Column("state"), Column("detail"), Column("fix")]


@click.command(epilog=example("ml-guard doctor", "ml-guard doctor --json"))
@json_option
def doctor(*, as_json: bool) -> int:
    """Check all settings and everything that ML Guard depends on, and show the fix of each problem.

    No server is needed, and nothing is changed. The exit code is 1 if there is a problem.
    """
    os.environ.setdefault("PGCONNECT_TIMEOUT", _CONNECT_TIMEOUT_S)  # libpq waits for minutes by default
    outcomes = examine()
    problems = {name: outcome for name, outcome in outcomes.items() if outcome.state == "problem"}
    if as_json:
        rows = [[name, outcome.state, outcome.detail, outcome.fix] for name, outcome in outcomes.items()]
        print_rows(_COLUMNS, rows, as_json=True)
        return _PROBLEM if problems else 0
    print_answer(f"{count(len(problems), 'problem')}: {', '.join(problems)}" if problems else "No problem found")
    print_answer("")
    print_rows(_COLUMNS[:3], [[name, item.state, item.detail] for name, item in outcomes.items()], as_json=False)
    for name, outcome in problems.items():
        print_answer(f"\n{name}: {outcome.fix}")
    return _PROBLEM if problems else 0


def examine() -> dict[str, Outcome]:
    """Run all checks; if the settings are invalid, none but theirs, because the others would check something else."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return {"settings": problem(str(error), "correct the variables that are named; docs/settings.md lists all")}
    return {"settings": ok("valid"), **{name: run_check(check, settings) for name, check in CHECKS.items()}}
