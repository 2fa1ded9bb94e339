"""Rows that a model is called with, and its predictions, as features and one value a row.

They are only read: what can be read once, such as a generator, is the host's and is refused.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ml_guard.frames import rows_of, text_names

_FIRST_NAMES, _OTHER_NAMES = ("X", "x", "data"), ("features", "model_input", "inputs", "instances", "rows")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def rows_argument(predict: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return the rows of a call: the first argument, or the keyword that a model or its signature gives them.

    Raises
    ------
    TypeError
        If no keyword is known to be the rows.
    """
    if args:
        return args[0]
    candidates = [name for name in (*_FIRST_NAMES, *_first_parameter(predict), *_OTHER_NAMES) if name in kwargs]
    if candidates:
        return kwargs[candidates[0]]
    if len(kwargs) == 1:
        return next(iter(kwargs.values()))
    raise TypeError(f"rows: none of {', '.join(kwargs) or 'no arguments'} is known to be the rows; pass them first")


def _first_parameter(predict: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(predict).parameters.values()
    except (TypeError, ValueError):  # of a callable written in C
        return []
    return [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL][:1]


def feature_rows(rows: Any, names: Iterable[Any] | None, predictions: Any) -> list[dict[str, Any]]:
    """Return the features of each row.

    Parameters
    ----------
    rows : table, matrix (scipy's sparse ones too), list of rows, one row, or values of one feature.
    names : of the features of rows without names; default: `x0`, `x1`, …
    predictions : of the rows. One prediction of several values in one dimension means that they are one row.

    Raises
    ------
    TypeError, ValueError
        If the rows can be read only once, or names are repeated or missing.
    """
    _require_repeatable("rows", rows)
    names = None if names is None else list(names)
    if _is_sparse(rows):
        return [_features(row, names) for row in _dense_rows(rows)]
    if hasattr(rows, "columns") or hasattr(rows, "column_names"):
        return _table_rows(rows)
    is_one = _is_scalar(predictions) or (hasattr(predictions, "__len__") and len(predictions) == 1)
    if isinstance(rows, Mapping):
        return [dict(rows)] if is_one else _mapped_columns(rows)
    values = [rows] if _is_scalar(rows) else list(rows)
    if hasattr(rows, "to_dict") and hasattr(rows, "index"):  # a series of pandas: one row, or one column
        if is_one and len(values) > 1:
            names = text_names(rows.index, "row")
        elif rows.name is not None:
            names = [rows.name]
    if is_one and len(values) > 1 and all(map(_is_scalar, values)):
        return [_features(values, names)]
    return [dict(row) if isinstance(row, Mapping) else _features(row, names) for row in values]


def prediction_values(predictions: Any, *, is_vector: bool = False) -> list[Any]:
    """Return the prediction of each row.

    Parameters
    ----------
    is_vector : whether each prediction is several values, so that values in one dimension are those of one row.

    Raises
    ------
    TypeError, ValueError
        If predictions can be read only once, or there is not one a row.
    """
    _require_repeatable("predictions", predictions)
    if _is_sparse(predictions) or isinstance(predictions, Mapping):
        raise TypeError(
            f"predictions: one value a row is needed, not {type(predictions).__name__}; record each with ingest"
        )
    if hasattr(predictions, "columns") and not is_vector:
        if len(predictions.columns) != 1:
            raise ValueError(f"the model predicts a frame of {len(predictions.columns)} columns; one is needed")
        predictions = predictions[predictions.columns[0]]
    elif hasattr(predictions, "columns"):
        predictions = predictions.to_numpy()
    values = [predictions] if _is_scalar(predictions) else list(predictions)
    return [values] if is_vector and values and all(map(_is_scalar, values)) else values


def _require_repeatable(name: str, value: Any) -> None:
    if any(hasattr(value, method) for method in ("__next__", "__anext__", "__await__")):
        raise TypeError(
            f"{name}: can be read only once ({type(value).__name__}), which is left to the caller;"
            " use a list, or record each row with ingest"
        )


def _is_sparse(value: Any) -> bool:
    return hasattr(value, "tocsr") and hasattr(value, "toarray")


def _is_scalar(value: Any) -> bool:
    if isinstance(value, (str, bytes)) or getattr(value, "ndim", None) == 0:
        return True
    return not any(hasattr(value, method) for method in ("__len__", "__iter__", "__getitem__"))


def _dense_rows(matrix: Any) -> Iterable[Any]:
    """Yield the rows of a sparse matrix one by one, as all at once may not fit into memory."""
    if matrix.ndim == 1:
        yield matrix.toarray()
        return
    by_row = matrix.tocsr()
    for place in range(matrix.shape[0]):
        yield by_row[[place]].toarray()[0]


def _table_rows(table: Any) -> list[dict[str, Any]]:
    names = text_names(table.column_names if hasattr(table, "column_names") else table.columns, "rows")
    return [dict(zip(names, row.values(), strict=True)) for row in rows_of(table)]


def _mapped_columns(columns: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Return the rows of a mapping of columns."""
    lists = {str(name): values if _is_scalar(values) else list(values) for name, values in columns.items()}
    flat = [name for name, values in lists.items() if not isinstance(values, list)]
    if flat:
        raise ValueError(f"rows: {flat[0]!r} is one value, but there are several predictions; give a list of rows")
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _features(row: Any, names: list[Any] | None) -> dict[str, Any]:
    values = [row] if _is_scalar(row) else list(row)
    names = [f"x{number}" for number in range(len(values))] if names is None else names
    if len(names) != len(values):
        raise ValueError(f"rows: a row has {len(values)} values, and the model {len(names)} features")
    return {str(name): value for name, value in zip(names, values, strict=True)}
