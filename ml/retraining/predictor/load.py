"""A predictor from a folder of artifacts: ONNX if its check has passed, else the native model.

Downloading artifacts does not belong here; it is in `guard_store.retraining.registry`.
"""

import json
from pathlib import Path
from typing import Any

from ml.retraining.predictor.errors import CorruptModelError, briefly
from ml.retraining.predictor.native import NativePredictor, load_native
from ml.retraining.predictor.onnx import OnnxPredictor
from ml.retraining.predictor.schema import ModelSchema
from ml.retraining.predictor.trust import OWN_MODELS, Trust

Predictor = OnnxPredictor | NativePredictor
SCHEMA = "guard/schema.json"
ONNX = "guard/model.onnx"
ONNX_CHECK = "guard/onnx_check.json"
BACKGROUND = "guard/background.json"


def load_predictor(folder: Path | str, trust: Trust = OWN_MODELS) -> Predictor:
    """Load the predictor of a model folder: MLflow's own files, and those in `guard/`.

    Raises
    ------
    CorruptModelError, SchemaMismatchError, UnsafeModelError
        If it cannot be used; the message has the reason.
    """
    root = Path(folder)
    schema = read_schema(root)
    if (root / ONNX_CHECK).exists() and _is_equal(root / ONNX_CHECK):
        return OnnxPredictor(root / ONNX, schema, read_background(root))
    return load_native_predictor(root, trust, schema)


def load_native_predictor(
    folder: Path | str, trust: Trust = OWN_MODELS, schema: ModelSchema | None = None
) -> NativePredictor:
    """Load the native model of a folder, which scores whole tables faster than row by row.

    Raises
    ------
    CorruptModelError, SchemaMismatchError, UnsafeModelError
        If it cannot be used; the message has the reason.
    """
    root = Path(folder)
    schema = schema or read_schema(root)
    return NativePredictor(load_native(root, trust), schema, read_background(root))


def read_schema(folder: Path) -> ModelSchema:
    """Read the schema of a model folder.

    Raises
    ------
    CorruptModelError
        If it is missing or cannot be read.
    """
    try:
        return ModelSchema.from_json((folder / SCHEMA).read_bytes())
    except OSError as error:
        if not folder.is_dir():
            raise CorruptModelError(f"{folder}: there is no such folder; name one that holds {SCHEMA}") from error
        raise CorruptModelError(
            f"{folder}: {SCHEMA} cannot be read ({error.strerror}): ML Guard serves models that it has trained"
        ) from error


def read_background(folder: Path) -> list[dict[str, Any]]:
    """Read the usual rows of a model folder; empty if it was written by a version of ML Guard that stored none.

    Raises
    ------
    CorruptModelError
        If they cannot be read.
    """
    path = folder / BACKGROUND
    if not path.exists():
        return []
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CorruptModelError(f"{BACKGROUND} cannot be read: {briefly(error)}") from error
    return rows


def _is_equal(path: Path) -> bool:
    try:
        return json.loads(path.read_bytes())["equal"] is True
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptModelError(f"{ONNX_CHECK} cannot be read: {briefly(error)}") from error
