"""The real processes, started and stopped with the commands of an operator: `ml-guard up`, `ml-guard down`."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demo.failure import DemoFailedError
from demo.progress import Progress

_POLL_S = 0.2
_COMMAND = [sys.executable, "-m", "guard_cli.main"]


@dataclass
class Processes:
    """Serving, Dagster webserver and daemon with one home folder.

    Attributes
    ----------
    stand_ins : environment variables that lead to the stand-ins for language models and AWS.
    """

    home: Path
    port: int
    dagster_port: int
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    _starting: "subprocess.Popen[str] | None" = field(default=None, init=False)

    @property
    def api_url(self) -> str:
        """URL of serving."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def dagster_url(self) -> str:
        """URL of the Dagster UI."""
        return f"http://127.0.0.1:{self.dagster_port}"

    @property
    def lake(self) -> str:
        """Location of the Delta tables."""
        return os.environ.get("ML_GUARD_LAKE_URL", str(self.home.resolve() / "lake"))

    @property
    def alert_file(self) -> Path:
        """File that alerts are written to, unless the environment defines other routes."""
        return self.home.resolve() / "alerts.txt"

    @property
    def mlflow(self) -> str:
        """URL of MLflow's runs and registry."""
        return os.environ.get("ML_GUARD_MLFLOW_URL", f"sqlite:///{self.home.resolve() / 'mlflow.db'}")

    def begin(self) -> None:
        """Start the processes in the background; `wait` waits for them."""
        self._starting = self._run("up", "--detach")

    def wait(self, progress: Progress) -> None:
        """Wait until the processes are healthy.

        Raises
        ------
        DemoFailedError
            If `ml-guard up` could not start them; the message is its output.
        """
        assert self._starting is not None, "begin() comes first"  # noqa: S101
        while True:
            try:
                output, _ = self._starting.communicate(timeout=_POLL_S)
                break
            except subprocess.TimeoutExpired:
                progress.update("waiting for serving, Dagster webserver and daemon")
        if self._starting.returncode != 0:
            raise DemoFailedError(f"ml-guard up: {output.strip() or 'failed without output'}")

    def stop(self) -> None:
        """Stop the processes, even while they start; do not stop processes that were already running before."""
        if self._starting is None:
            return
        if self._starting.poll() is None:
            self._starting.terminate()
            self._starting.communicate()
        elif self._starting.returncode != 0:
            return
        down = self._run("down")
        output, _ = down.communicate()
        if down.returncode != 0:
            raise DemoFailedError(f"ml-guard down: {output.strip()}")

    def _run(self, *arguments: str) -> "subprocess.Popen[str]":
        settings = {
            "ML_GUARD_HOME": str(self.home.resolve()),
            "ML_GUARD_LAKE_URL": self.lake,
            "ML_GUARD_PORT": str(self.port),
            "ML_GUARD_DAGSTER_PORT": str(self.dagster_port),
            "ML_GUARD_PREDICT_MODEL_POLL_S": os.environ.get("ML_GUARD_PREDICT_MODEL_POLL_S", "1"),
            "ML_GUARD_ALERT_ROUTES": os.environ.get(
                "ML_GUARD_ALERT_ROUTES", json.dumps({"file": self.alert_file.as_uri()})
            ),
            "ML_GUARD_PIPELINES_INTERVAL_S": os.environ.get("ML_GUARD_PIPELINES_INTERVAL_S", "1"),
            # The demo sends a year within minutes and waits for each part of it.
            "ML_GUARD_PIPELINES_REST_S": os.environ.get("ML_GUARD_PIPELINES_REST_S", "0"),
        }
        return subprocess.Popen(
            [*_COMMAND, *arguments],
            env={**os.environ, **settings, **self.stand_ins},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
