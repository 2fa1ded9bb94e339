"""Computation: statistics, models and text processing as functions over Arrow, numpy and files.

Neither Dagster nor HTTP nor a database belongs here.

`drift`, `evaluate`, `train`: the command-line scripts. `compare` is the drift check for notebooks.

- `alerting`: conditions of alert policies.
- `charts`: charts as inline SVG, for pages and reports.
- `costs`: expected daily costs, anomalies and month forecasts.
- `drift`: the drift check as a script
- `encodings`: the encoding of text files.
- `environment`: defaults of the environment variables that native libraries read when they are loaded.
- `evaluate`: evaluation as a script
- `knowledge`: documents, chunks, embeddings, retrieval by words, extracted answers and their claims.
- `monitoring`: column profiles, distances, drift verdicts, model performance.
- `onnx_models`: conversion of models to ONNX, and sessions that run them.
- `reports`: reports for people as self-contained HTML.
- `retraining`: the retrain rule, training, promotion and predictors.
- `scripts`: exit code, signals and messages of a script's process.
- `tables`: rows of files as typed tables, for the scripts.
- `train`: training as a script
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.reports.notebook import Report


def compare(
    reference: object,
    current: object,
    *,
    settings: Mapping[str, object] | None = None,
    ignore: Collection[str] = (),
) -> "Report":
    """Judge whether the rows of a table still look like a reference, with the verdicts of `ml/drift.py`.

    Parameters
    ----------
    reference, current : pandas DataFrames, Arrow tables, or other objects with `__arrow_c_stream__`.
    settings : fields of `DriftSettings`.
    ignore : columns to leave out.

    Raises
    ------
    TypeError
        If one of the two is no table.
    InputError
        If a table has no rows or a column cannot be read, or the two have no column in common.
    """
    from ml.reports.notebook import compare_frames  # NumPy, pandas and Arrow take a second to import

    return compare_frames(reference, current, settings, ignore)
