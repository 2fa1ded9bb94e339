"""Evaluation as a script: `python ml/evaluate.py --model FOLDER --input rows.csv --target late`; exit 0 good enough, 1 not.

Arguments and output belong here; the comparison does not, it is in `ml.retraining.promotion`, and neither does the HTML report, which
is in `ml.reports`.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:  # started by its path: sys.path[0] is then ml/ instead of the folder that holds it
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from guard_core.project_settings.promotion import PromotionSettings
from ml.environment import set_library_defaults
from ml.monitoring.performance.tasks import Target
from ml.reports.document import write_page
from ml.reports.evaluation_page import EvaluatedRows, evaluation_page
from ml.retraining.predictor.errors import ModelError
from ml.retraining.predictor.load import load_native_predictor
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.predictor.trust import Trust
from ml.retraining.promotion import Answers
from ml.retraining.training.evaluate import HeldOut, evaluate, with_labels
from ml.retraining.training.features import targets
from ml.retraining.training.files import labelled_rows
from ml.retraining.training.log_run import set_mlflow_defaults
from ml.retraining.training.terminal_table import metrics_table
from ml.retraining.training.trained import TrainingError
from ml.scripts import add_trust_option, print_message, run

EXIT_GOOD, EXIT_NOT_GOOD, EXIT_BAD_INPUT = 0, 1, 2
_SEED = 2013


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge a model on labelled rows, against another model or a trivial one, and return the exit code."""
    options = _parser().parse_args(arguments)
    set_library_defaults()
    set_mlflow_defaults()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            uri, trust = options.tracking_uri, Trust(frozenset(options.trust))
            model = _model(options.model, uri, Path(scratch) / "model", trust)
            other = _model(options.against, uri, Path(scratch) / "other", trust) if options.against else None
            rows = labelled_rows(
                Path(options.input), options.target, print_message, time=options.time, schema=model.schema
            )
            data = HeldOut(rows, rows)
            settings, rng = PromotionSettings(min_rows=20), np.random.default_rng(_SEED)
            evaluation, answers = evaluate(model, other, data, settings, rng)
            if options.html:
                _write_page(options, model.schema.target, data, evaluation, answers)
    except (ValueError, ModelError, TrainingError) as error:
        print_message(f"evaluate: {error}")
        return EXIT_BAD_INPUT
    print(json.dumps(evaluation, indent=2, allow_nan=False) if options.json else metrics_table(evaluation))
    return EXIT_GOOD if evaluation["promote"] else EXIT_NOT_GOOD


def _write_page(
    options: argparse.Namespace,
    target: Target,
    data: HeldOut,
    evaluation: Mapping[str, Any],
    answers: Mapping[str, Answers],
) -> None:
    rows = EvaluatedRows(target, targets(with_labels(data, target.task).rows, target.task), answers)
    names = {"Model": options.model, "Other": options.against or evaluation["against"], "Rows": options.input}
    write_page(Path(options.html), evaluation_page(evaluation, rows, {**names, "Label": options.target}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evaluate",
        description="Judge a model on labelled rows. Exit code: 0 surely better than the other, 1 not, 2 bad input, 3 a crash.",
    )
    parser.add_argument(
        "--model", required=True, help="a model folder, or a URI of MLflow (models:/name/1, runs:/id/model)"
    )
    parser.add_argument("--input", required=True, metavar="FILE", help="labelled rows, .csv or .parquet")
    parser.add_argument("--target", default="late", metavar="COLUMN", help="the label; default: late")
    parser.add_argument("--time", metavar="COLUMN", help="a column that is no feature and orders the rows")
    parser.add_argument("--against", metavar="MODEL", help="the other model; without it, a trivial one")
    parser.add_argument("--tracking-uri", default="sqlite:///mlflow.db", help="default: sqlite:///mlflow.db")
    add_trust_option(parser)
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")
    parser.add_argument("--html", metavar="FILE", help="write a report for people there, one self-contained HTML file")
    return parser


def _model(name: str, tracking_uri: str, scratch: Path, trust: Trust) -> NativePredictor:
    if ":/" not in name:
        return load_native_predictor(name, trust)
    import mlflow
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    scratch.mkdir()
    mlflow.set_tracking_uri(tracking_uri)  # otherwise MLflow creates a store in the working folder
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        folder = download_artifacts(
            artifact_uri=name, dst_path=str(scratch), tracking_uri=tracking_uri, registry_uri=tracking_uri
        )
    except (MlflowException, OSError) as error:
        raise ValueError(f"{name}: {' '.join(str(error).split())[:300]}") from error
    return load_native_predictor(folder, trust)


if __name__ == "__main__":
    run(main)
