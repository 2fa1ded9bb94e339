"""NannyML's CBPE on a file of scores; runs in a separate environment that has only NannyML's packages."""

import json
import sys

import nannyml  # type: ignore[import-not-found]
import pandas as pd

METRICS = ("roc_auc", "accuracy", "precision", "recall", "f1")


def main() -> None:
    """Print NannyML's estimates of all metrics as JSON, by chunk after the reference."""
    frame = pd.read_csv(sys.argv[1])
    reference, rest = frame[frame.chunk == 0], frame[frame.chunk > 0]
    size = len(rest) // rest.chunk.nunique()
    cbpe = nannyml.CBPE(
        y_pred_proba="y_proba",
        y_pred="y_pred",
        y_true="y_true",
        problem_type="classification_binary",
        metrics=list(METRICS),
        chunk_size=size,
    )
    cbpe.fit(reference)
    estimates = cbpe.estimate(rest.drop(columns="y_true")).filter(period="analysis").to_df()
    chunks = [{name: float(row[(name, "value")]) for name in METRICS} for _, row in estimates.iterrows()]
    sys.stdout.write(json.dumps({"nannyml": nannyml.__version__, "estimates": chunks}) + "\n")


if __name__ == "__main__":
    main()
