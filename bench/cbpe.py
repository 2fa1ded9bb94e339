"""CBPE without labels beside NannyML's, on the same synthetic scores: `python -m bench.cbpe PYTHON_WITH_NANNYML`.

Generating the data and recording the fixture of tests/ml/monitoring/performance belong here. NannyML runs in the interpreter of a
virtual environment with nannyml==0.13.1 and pandas<3, whose dependencies conflict with those of this project.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ml.monitoring.performance.estimated import estimated
from ml.monitoring.performance.realised import realised
from ml.monitoring.performance.reference import reference_of
from ml.monitoring.performance.tasks import Target

FOLDER = Path("tests/ml/monitoring/performance/data")
SEED, REFERENCE_ROWS, CHUNK_ROWS = 20260101, 5000, 1000
# Shift and spread of the inputs by chunk: later chunks are easier, harder or rarer than the reference.
CHUNKS = ((0.0, 1.0), (0.0, 1.0), (0.4, 1.0), (-0.6, 0.8), (0.0, 0.5), (-0.3, 1.6))


def scores() -> pd.DataFrame:
    """Generate the scores of an overconfident model: inputs shift from chunk to chunk, P(y|x) does not; chunk 0 is the reference."""
    rng = np.random.default_rng(SEED)
    frames = []
    for chunk, (shift, spread) in enumerate(((0.0, 1.0), *CHUNKS)):
        rows = CHUNK_ROWS if chunk else REFERENCE_ROWS
        logit = rng.normal(shift, spread, rows) * 1.4 - 0.7
        y_true = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
        y_proba = (1 / (1 + np.exp(-1.8 * logit - 0.3))).round(5)
        y_pred = (y_proba >= 0.5).astype(int)
        frames.append(pd.DataFrame({"chunk": chunk, "y_proba": y_proba, "y_pred": y_pred, "y_true": y_true}))
    return pd.concat(frames, ignore_index=True)


def compare(frame: pd.DataFrame, peer: list[dict[str, float]]) -> list[dict[str, object]]:
    """List our estimate, NannyML's and the realised value, by chunk and metric."""
    parts = {
        int(str(chunk)): (part.y_true.astype(str), part.y_pred.astype(str), part.y_proba)
        for chunk, part in frame.groupby("chunk")
    }
    reference = reference_of(Target("binary", "1"), *parts[0], np.random.default_rng(1))
    lines: list[dict[str, object]] = []
    for chunk, peer_estimates in enumerate(peer, start=1):
        y_true, y_pred, y_proba = parts[chunk]
        ours = estimated("binary", reference, y_pred, y_proba)["metrics"]
        real = realised("binary", y_true, y_pred, y_proba, rng=np.random.default_rng(1), intervals=False)["metrics"]
        lines += [
            {
                "chunk": chunk,
                "metric": name,
                "ours": ours[name]["value"],  # type: ignore[index]
                "nannyml": value,
                "realised": real[name]["value"],  # type: ignore[index]
            }
            for name, value in peer_estimates.items()
        ]
    return lines


def main() -> None:
    """Run the peer, print the comparison, record the fixture."""
    frame = scores()
    path = FOLDER / "cbpe_scores.csv"
    frame.to_csv(path, index=False)
    peer_process = subprocess.run(
        [sys.argv[1], "bench/nannyml_peer.py", str(path)], capture_output=True, text=True, check=True
    )
    peer = json.loads(peer_process.stdout.splitlines()[-1])
    provenance = {"made_by": "python -m bench.cbpe", "seed": SEED, "rows": len(frame), **peer}
    (FOLDER / "cbpe_nannyml.json").write_text(json.dumps(provenance, indent=2) + "\n")
    lines = pd.DataFrame(compare(frame, peer["estimates"]))
    lines["difference"] = (lines.ours.astype(float) - lines.nannyml.astype(float)).abs()
    print(lines.to_string(index=False, float_format="%.4f"))
    print(lines.groupby("metric").difference.max())


if __name__ == "__main__":
    main()
