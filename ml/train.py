"""Training as a script: `python ml/train.py --input rows.csv --target late`, logged to MLflow; exit 0 better than trivial, 1 not.

Arguments and output belong here; the training itself does not, it is in `ml.retraining.training`. The pipelines train on rows of
the lake in the same way.
"""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_args

import numpy as np

if not __package__:  # started by its path: sys.path[0] is then ml/ instead of the folder that holds it
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from guard_core.project_settings.labels import LabelSettings, LabelTask
from guard_core.project_settings.promotion import PromotionSettings
from guard_core.project_settings.training import ThresholdRule, TrainingSpec
from ml.environment import set_library_defaults
from ml.retraining.predictor.errors import ModelError
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.predictor.trust import Trust
from ml.retraining.training.cards import file_facts
from ml.retraining.training.evaluate import HeldOut, evaluate, write_evaluation
from ml.retraining.training.files import labelled_rows, split_in_time
from ml.retraining.training.log_run import MODEL, Tracking, log_candidate, log_evaluation
from ml.retraining.training.terminal_table import metrics_table
from ml.retraining.training.train import train
from ml.retraining.training.trained import Trained, TrainingError
from ml.scripts import add_trust_option, print_message, run

EXIT_BETTER, EXIT_NOT_BETTER, EXIT_BAD_INPUT = 0, 1, 2
_DATA = Path(__file__).resolve().parent / "data" / "late_flights.csv"
_SEED = 2013


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, judge on the newest rows and log the run; return the exit code."""
    set_library_defaults()
    options = _parser().parse_args(arguments)
    tracking = Tracking(options.tracking_uri, options.artifacts)
    try:
        spec = TrainingSpec.from_dict(
            {
                "exclude": options.exclude,
                "include": options.include,
                "builder": options.builder,
                "min_rows": 20,
                "threshold_by": options.threshold_by,
                "false_positive_cost": options.false_positive_cost,
                "false_negative_cost": options.false_negative_cost,
            }
        )
        labels = LabelSettings.from_dict({"task": options.task, "positive": options.positive})
        rows = labelled_rows(Path(options.input), options.target, print_message, time=options.time)
        data = split_in_time(rows, options.holdout)
        if data.repeats:
            print_message(data.repeats_in_words())
        tracking.require()
        trained = train(
            data.trained_on, spec, print_message, _SEED, labels=labels, trust=Trust(frozenset(options.trust))
        )
        predictor = NativePredictor(trained.pipeline, trained.schema)
        evaluation, answers = evaluate(predictor, None, data, PromotionSettings(), np.random.default_rng(_SEED))
    except (ValueError, ModelError, TrainingError) as error:
        print_message(f"train: {error}")
        return EXIT_BAD_INPUT
    run_id = log_candidate(tracking, options.experiment, trained, {"mlflow.runName": Path(options.input).stem})
    with tempfile.TemporaryDirectory() as folder:
        write_evaluation(Path(folder), predictor, data, evaluation, answers, _facts(options, trained, data))
        metrics = {
            name: entry["value"]
            for name, entry in evaluation["candidate"]["metrics"].items()
            if entry["value"] is not None
        }
        log_evaluation(tracking, run_id, metrics, Path(folder))
    print(metrics_table(evaluation))
    if options.register and evaluation["promote"]:
        print_message(f"registered as version {_register(tracking, options.register, run_id)} of {options.register}")
    print_message(f"run {run_id} of experiment {options.experiment} in {options.tracking_uri}")
    return EXIT_BETTER if evaluation["promote"] else EXIT_NOT_BETTER


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train",
        description="Train the best of several models on labelled rows and judge it on the newest of them."
        " Exit code: 0 better than a trivial model, 1 not, 2 bad input, 3 a crash.",
    )
    parser.add_argument("--input", default=str(_DATA), metavar="FILE", help="rows, .csv or .parquet; default: a sample")
    parser.add_argument("--target", default="late", metavar="COLUMN", help="the label; default: late")
    parser.add_argument(
        "--task", choices=get_args(LabelTask), help="classes, grades in an order, or numbers; default: guessed"
    )
    parser.add_argument("--positive", metavar="LABEL", help="the positive one of two labels; default: guessed")
    parser.add_argument("--time", metavar="COLUMN", help="column that orders the rows; default: the order of the file")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="COLUMN", help="no feature; may be given often"
    )
    parser.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a feature although it looks like the label, an id, a text or a time; may be given often",
    )
    parser.add_argument(
        "--holdout",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="share of the newest rows (without --time: the last) to judge on; default: 0.2",
    )
    parser.add_argument(
        "--threshold-by",
        choices=get_args(ThresholdRule),
        default="stated",
        help="what the threshold of a binary model is best by: f1, balanced_accuracy or cost; default: stated, 0.5",
    )
    for error in ("positive", "negative"):
        parser.add_argument(
            f"--false-{error}-cost",
            type=float,
            default=1.0,
            metavar="COST",
            help=f"cost of a false {error}; default: 1",
        )
    parser.add_argument("--builder", metavar="MODULE:FUNCTION", help="build a custom scikit-learn model instead")
    add_trust_option(parser)
    parser.add_argument("--tracking-uri", default="sqlite:///mlflow.db", help="default: sqlite:///mlflow.db")
    parser.add_argument(
        "--artifacts", default="mlruns", help="folder or URL of files without a server; default: mlruns"
    )
    parser.add_argument("--experiment", default="quick-run", help="default: quick-run")
    parser.add_argument(
        "--register", metavar="NAME", help="register the model under this name if it is better than a trivial one"
    )
    return parser


def _facts(options: argparse.Namespace, trained: Trained, data: HeldOut) -> dict[str, Any]:
    digest = hashlib.sha256(Path(options.input).read_bytes()).hexdigest()
    return {
        "name": options.experiment,
        "algorithm": trained.algorithm,
        "flag": "none",
        "reasons": ["trained by hand from a file"],
        "data_version": f"{Path(options.input).name}, sha256 {digest[:16]}",
        "trained_from": "row 1",
        "trained_to": f"row {len(data.trained_on)}",
        "held_from": f"row {len(data.trained_on) + 1}",
        "held_to": f"row {len(data.trained_on) + len(data.rows)}",
        "rows": len(data.trained_on),
        "held_rows": len(data.rows),
        "code_version": _version(),
        "scores": trained.scores,
        "threshold_reason": trained.threshold_reason,
        **file_facts(options.time),
        "left_out": trained.left_out,
        "rare_labels": trained.rare_labels,
    }


def _register(tracking: Tracking, name: str, run_id: str) -> str:
    from mlflow.exceptions import MlflowException

    client = tracking.client()
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return str(client.create_model_version(name, f"runs:/{run_id}/{MODEL}", run_id=run_id).version)


def _version() -> str:
    try:
        return version("ml-guard")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"


if __name__ == "__main__":
    run(main)
