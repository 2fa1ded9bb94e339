"""Runs as forks of a process that has imported everything, in place of a new interpreter for each.

Dagster's code server has no setting for it: this module replaces a private attribute. Why: docs/decisions/0021.
"""

import multiprocessing
import sys

from guard_core.settings import Settings

_SERVER = "dagster._grpc.server"


def start_runs_warm(settings: Settings) -> None:
    """Start the runs of a code server as forks; do nothing in other processes, and where forks are not safe (macOS)."""
    if not settings.pipelines.warm_runs or _SERVER not in sys.modules or sys.platform != "linux":
        return
    from dagster._grpc.server import DagsterApiServer

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["guard_pipelines.runtime.preloaded"])
    # The server that loads this module has already set "spawn" on itself: a property of its class takes precedence.
    setattr(DagsterApiServer, "_mp_ctx", property(lambda _: context, lambda _, __: None))  # noqa: B010 - not ours
