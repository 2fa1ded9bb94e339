"""`ml-guard dagster`: Dagster's own storage.

The work is done by a process of `guard_pipelines`: commands import no orchestration.
"""

import os
import subprocess
import sys

import click

from guard_cli.terminal import CommandError, example
from guard_core.settings import load_settings


@click.group()
def dagster() -> None:
    """Write the history of days and trainings into Dagster's storage."""


@dagster.command(
    epilog=example("ml-guard dagster resync", "DAGSTER_HOME=/srv/dagster ml-guard dagster resync  # any other instance")
)
def resync() -> None:
    """Write the history that Dagster's storage lacks, from our own database.

    Each day that all models have finished becomes a materialisation of its partition, with the day's numbers; so do costs and
    the newest training of each model, and flagged models become partitions. What the storage has already stays as it is, so that
    the command may be repeated. Runs, their logs and results of checks are not restored.

    The storage is the one of DAGSTER_HOME, or of `ml-guard up` if that is not set.
    """
    from guard_cli.stack.stack import prepare_environment

    if "DAGSTER_HOME" in os.environ:
        env = dict(os.environ)
    else:
        settings = load_settings()
        env = prepare_environment(settings, settings.storage.home.resolve())
    command = [sys.executable, "-m", "guard_pipelines.resync"]
    done = subprocess.run(command, env=env, check=False)  # noqa: S603 - our own command, no shell
    if done.returncode:
        raise CommandError(
            "Dagster's storage cannot be written, for the reason above; DAGSTER_HOME must be a folder with a dagster.yaml"
        )
