"""Runs as forks of a process that has imported everything, in place of a new interpreter for each.

Dagster's code server has no setting for it: this is the one place that reaches into it. Why: docs/decisions/0021.
"""

import multiprocessing
import sys

from guard_core.settings import Settings

_SERVER = "dagster._grpc.server"


def start_runs_warm(settings: Settings) -> None:
    """In a code server, let its runs be forks; elsewhere, and where forks are not safe (macOS), nothing happens."""
    if not settings.pipelines.warm_runs or _SERVER not in sys.modules or sys.platform != "linux":
        return
    from dagster._grpc.server import DagsterApiServer

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["guard_pipelines.runtime.preloaded"])
    # The server that loads this has chosen "spawn" for itself already: its class has the last word.
    setattr(DagsterApiServer, "_mp_ctx", property(lambda _: context, lambda _, __: None))  # noqa: B010 - not ours
