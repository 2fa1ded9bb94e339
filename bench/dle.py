"""DLE without labels beside NannyML's, on the same generated prices: `python -m bench.dle PYTHON_WITH_NANNYML`.

NannyML runs in the interpreter of a virtual environment with nannyml==0.13.1 and pandas<3, whose dependencies conflict with
those of this project.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.prices import Market, features_of
from ml.monitoring.performance.estimated import estimated
from ml.monitoring.performance.realised import realised
from ml.monitoring.performance.reference import reference_of
from ml.monitoring.performance.tasks import Target

SEED, REFERENCE_ROWS, CHUNK_ROWS, CHUNKS, ROUNDS = 20260102, 5000, 500, 20, 3
METRICS = ("mae", "rmse", "mape")


def prices(seed: int) -> pd.DataFrame:
    """Generate prices whose mix drifts from chunk to chunk; chunk 0 is the reference."""
    rng, market = np.random.default_rng(seed), Market(drift=0.5)
    frames = [market.rows(rng, REFERENCE_ROWS).assign(chunk=0)]
    frames += [market.rows(rng, CHUNK_ROWS, chunk / CHUNKS).assign(chunk=chunk) for chunk in range(1, CHUNKS + 1)]
    return pd.concat(frames, ignore_index=True)


def estimate_peer(python: str, frame: pd.DataFrame) -> list[dict[str, float]]:
    """Return NannyML's estimates by chunk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prices.csv"
        frame.to_csv(path, index=False)
        command = [python, "bench/nannyml_peer.py", str(path), "dle"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    estimates: list[dict[str, float]] = json.loads(output.splitlines()[-1])["estimates"]
    return estimates


def errors(frame: pd.DataFrame, peer: list[dict[str, float]]) -> Iterator[dict[str, object]]:
    """Yield the relative errors of each method's estimates, by chunk and metric."""
    parts = {int(str(chunk)): part for chunk, part in frame.groupby("chunk")}
    rng = np.random.default_rng(1)
    first = parts[0]
    true, predicted = first.y_true.to_numpy(), first.y_pred.to_numpy()
    reference = reference_of(Target("regression"), true, predicted, None, rng, features_of(first))
    for chunk, peer_estimates in enumerate(peer, start=1):
        rows = parts[chunk]
        true, predicted = rows.y_true.to_numpy(), rows.y_pred.to_numpy()
        real: Any = realised("regression", true, predicted, None, rng=rng, intervals=False)["metrics"]
        learned: Any = estimated("regression", reference, predicted, None, features=features_of(rows))["metrics"]
        by_size: Any = estimated("regression", reference, predicted, None)["metrics"]
        for name in METRICS:
            value = real[name]["value"]
            estimates = {
                "features": learned[name]["value"],
                "prediction only": by_size[name]["value"],
                "nannyml": peer_estimates[name],
                "nothing changes": reference["metrics"][name]["value"],  # type: ignore[index]
            }
            yield {"metric": name, **{method: abs(each / value - 1) for method, each in estimates.items()}}


def main() -> None:
    """Print the mean relative error of each method, by metric."""
    lines: list[dict[str, object]] = []
    for seed in range(SEED, SEED + ROUNDS):
        frame = prices(seed)
        lines += errors(frame, estimate_peer(sys.argv[1], frame))
    print(pd.DataFrame(lines).groupby("metric").mean().to_string(float_format="{:.2%}".format))
    print(f"{ROUNDS} rounds of {CHUNKS} chunks of {CHUNK_ROWS} rows, {REFERENCE_ROWS:,} rows of reference")


if __name__ == "__main__":
    main()
