"""Importing the code location has no effect: what it changes it changes when Dagster loads its definitions."""

import os
import subprocess
import sys

from tests.support.paths import ROOT

# Left out: `runtime.preloaded` is imported by the process that runs are forked from, and for its effects alone.
_CODE = """
import importlib, multiprocessing, os, pkgutil, sys, warnings
import dagster
from dagster._grpc import server
import ml.retraining.training.log_run, mlflow, mlflow.sklearn, sklearn, pandas, deltalake  # whose effects are not ours

def state():
    patched = {k: v for cls in (server.DagsterApiServer, dagster.DagsterInstance) for k, v in vars(cls).items()}
    return dict(os.environ), list(warnings.filters), patched, multiprocessing.get_start_method(allow_none=True)

before = state()
import guard_pipelines
names = [m.name for m in pkgutil.walk_packages(guard_pipelines.__path__, "guard_pipelines.")]
for name in names:
    if name != "guard_pipelines.runtime.preloaded":
        importlib.import_module(name)
after = state()
assert len(names) > 40, names
for what, one, other in zip(("environment", "warnings", "dagster", "start method"), before, after, strict=True):
    assert one == other, (what, [x for x in other if x not in one])
"""


def test_importing_any_module_changes_nothing_and_reads_no_settings() -> None:
    environment = {**os.environ, "ML_GUARD_INGEST_FIRST_DAY": "not a day", "ML_GUARD_PIPELINES_INTERVAL_S": "-1"}
    done = subprocess.run(
        [sys.executable, "-c", _CODE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "guard_pipelines" not in done.stderr


def test_the_first_day_of_the_settings_is_the_first_partition() -> None:
    code = (
        "from guard_pipelines.definitions import defs\n"
        "for job in ('daily', 'costs'): print(defs().resolve_job_def(job).partitions_def.get_first_partition_key())"
    )
    environment = {**os.environ, "ML_GUARD_INGEST_FIRST_DAY": "2020-02-29"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2020-02-29"] * 2
