"""What a run's process finds when it begins; run by `test_warm_runs.py` in a process of its own."""

import os
import sys
import threading
from pathlib import Path
from typing import Any

_ASKED = ("guard_pipelines.retraining.training", "mlflow.sklearn", "sklearn.ensemble")


def report(queue: Any, ended: Any) -> None:
    """Tell what is there, and that scikit-learn's threads work after a fork."""
    imported = {name: name in sys.modules for name in _ASKED}
    threads = [thread.name for thread in threading.enumerate()]
    command = Path(f"/proc/{os.getppid()}/cmdline").read_text()
    parent = "forkserver" if "multiprocessing.forkserver" in command else "server"
    queue.put({"imported": imported, "threads": threads, "parent": parent, "trained": _trained()})
    assert ended.wait(20)


def _trained() -> bool:
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = np.random.default_rng(1).random((2_000, 3))
    model = HistGradientBoostingClassifier(max_iter=5).fit(rows, rows[:, 0] > rows[:, 1])
    return bool(model.score(rows, rows[:, 0] > rows[:, 1]) > 0.7)
