"""Labelled rows as the lake gives them, with a known relation between features and label."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

START = datetime(2024, 3, 1, tzinfo=UTC)


def labelled_rows(n: int = 3_000, *, task: str = "binary", seed: int = 1, shift: float = 0.0) -> pa.Table:
    """(n,) rows a minute apart; `shift` turns the relation between x and the label round by degrees."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    plan = rng.choice(["basic", "plus", "pro"], n)
    member = rng.random(n) < 0.4
    signal = (1 - shift) * x + shift * z + (plan == "pro") * 1.5 + member * 0.5 + rng.normal(size=n)
    labels = {
        "binary": np.where(signal > 1, "1", "0"),
        "multiclass": np.array(["low", "middle", "high"])[np.digitize(signal, [0.0, 1.5])],
        "regression": signal,
    }[task]
    missing = rng.random(n) < 0.05
    return pa.table(
        {
            "feature_x": pa.array(np.where(missing, np.nan, x), from_pandas=True),
            "feature_z": pa.array(z),
            "feature_plan": pa.array([None if m else p for p, m in zip(plan, missing[::-1], strict=True)]),
            "feature_member": pa.array(member),
            "y_true": pa.array(labels),
            "ts": pa.array([START + timedelta(minutes=i) for i in range(n)], pa.timestamp("us", "UTC")),
            "segment": pa.array(rng.choice(["north", "south"], n)),
        }
    )


ROW = {"x": 0.5, "z": -1.0, "plan": "pro", "member": True}
