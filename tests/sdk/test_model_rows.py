"""Rows and predictions of wrapped models in every form: recorded by their values, or counted with the reason and the cure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from ml_guard import BackgroundClient

from tests.sdk.api_double import UNREACHABLE, ApiDouble


class Model:
    """A model whose `predict` is a function."""

    def __init__(self, predict: Callable[..., Any], names: list[str] | None = None) -> None:
        self.predict = self.predict_proba = predict
        if names is not None:
            self.feature_names_in_ = np.array(names)


def recorded(api: ApiDouble) -> list[tuple[Mapping[str, Any], Any]]:
    return [(row["features"], row["y_pred"]) for seen in api.seen for row in seen.rows]


def generate(rows: Any) -> Iterator[int]:
    return (1 for _ in rows)


@pytest.mark.parametrize("make", [generate, lambda rows: iter([1] * len(rows)), lambda rows: map(len, rows)])
def test_predictions_that_can_be_read_once_are_left_to_the_host(
    api: ApiDouble, caplog: pytest.LogCaptureFixture, make: Callable[[Any], Iterator[int]]
) -> None:
    with BackgroundClient(api.url) as client:
        model = client.wrap(Model(make), "p", "m")
        assert [list(model.predict([[1], [2]])) for _ in range(2)] == [[1, 1]] * 2
        assert client.stats.dropped == {"failed": 2}
    assert sum("read only once" in record.getMessage() for record in caplog.records) == 1
    assert api.seen == []


SPARSE = scipy.sparse.csr_matrix([[0, 5], [7, 0]])


@pytest.mark.parametrize("rows", [SPARSE, SPARSE.tocsc(), SPARSE.tocoo(), scipy.sparse.csr_array(SPARSE)])
def test_sparse_rows_are_recorded_with_their_zeros(api: ApiDouble, rows: Any) -> None:
    with BackgroundClient(api.url) as client:
        client.wrap(Model(lambda _: [1, 0], ["a", "b"]), "p", "m").predict(rows)
    assert recorded(api) == [({"a": 0, "b": 5}, 1), ({"a": 7, "b": 0}, 0)]


@pytest.mark.parametrize("prediction", [1, np.int64(1), np.array(1), [1], np.array([1])])
@pytest.mark.parametrize(
    "row",
    [
        pd.Series({"a": 3, "b": 4}),
        np.array([3, 4]),
        [3, 4],
        [[3, 4]],
        {"a": 3, "b": 4},
        pd.DataFrame({"a": [3], "b": 4}),
    ],
)
def test_one_row_in_any_form_is_one_event(api: ApiDouble, row: Any, prediction: Any) -> None:
    with BackgroundClient(api.url) as client:
        client.wrap(Model(lambda _: prediction, ["a", "b"]), "p", "m").predict(row)
    assert recorded(api) == [({"a": 3, "b": 4}, 1)]


@pytest.mark.parametrize(
    ("rows", "name"),
    [(["ab", "cd"], "x0"), (pd.Series(["ab", "cd"], name="text"), "text"), (np.array(["ab", "cd"]), "x0")],
)
def test_a_column_of_values_is_one_feature(api: ApiDouble, rows: Any, name: str) -> None:
    with BackgroundClient(api.url) as client:
        client.wrap(Model(lambda _: [1, 0]), "p", "m").predict(rows)
    assert recorded(api) == [({name: "ab"}, 1), ({name: "cd"}, 0)]


def test_probabilities_of_one_row_are_one_event(api: ApiDouble) -> None:
    with BackgroundClient(api.url) as client:
        client.wrap(Model(lambda _: np.array([0.2, 0.8])), "p", "m").predict_proba(np.array([3, 4]))
    assert recorded(api) == [({"x0": 3, "x1": 4}, 1)]


def keywords_first(*, params: object = None, X: Any) -> list[int]:  # noqa: N803
    return [1] * len(X)


def rows_first(table: Any, features: Any = None) -> list[int]:
    return [1] * len(table)


@pytest.mark.parametrize(
    ("predict", "arguments"),
    [
        (keywords_first, {"params": {"a": 1}, "X": [[3]]}),
        (rows_first, {"features": ["a"], "table": [[3]]}),
        (lambda **_: [1], {"verbose": 0, "features": [[3]]}),
        (lambda **_: [1], {"anything": [[3]]}),
    ],
)
def test_rows_given_by_keyword_are_found_by_the_models_names(
    api: ApiDouble, predict: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    with BackgroundClient(api.url) as client:
        assert client.wrap(Model(predict), "p", "m").predict(**arguments) == [1]
    assert recorded(api) == [({"x0": 3}, 1)]


@pytest.mark.parametrize(
    ("rows", "predictions", "reason"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), [1], "rows: 2 columns are named 'a'; rename or drop"),
        (pd.DataFrame([[1, 2]], columns=[None, "a"]), [1], "rows: column 1 has no name"),
        (iter([[1]]), [1], "rows: can be read only once (list_iterator)"),
        ([[1], [2]], 1, "predictions: 1 of 2 rows"),
        ([[1], [2]], {"y": 1}, "predictions: one value a row is needed, not dict"),
        ([[1], [2]], SPARSE, "predictions: one value a row is needed, not csr_matrix"),
    ],
)
def test_what_cannot_be_recorded_is_counted_with_the_reason(rows: Any, predictions: Any, reason: str) -> None:
    client = BackgroundClient(UNREACHABLE)
    assert client.wrap(Model(lambda _: predictions), "p", "m").predict(rows) is predictions
    assert (client.stats.queued, client.stats.dropped) == (0, {"failed": 1})
    assert reason in str(client.stats.last_error)
    client.close(0)


def test_keywords_of_which_none_is_known_are_counted() -> None:
    client = BackgroundClient(UNREACHABLE)
    assert client.wrap(Model(lambda **_: [1]), "p", "m").predict(verbose=0, table=[[3]]) == [1]
    assert "rows: none of verbose, table is known to be the rows; pass them first" in str(client.stats.last_error)
    client.close(0)


def test_a_tuple_that_is_no_pair_is_counted_with_the_cure() -> None:
    client = BackgroundClient(UNREACHABLE)
    assert client.monitor("p", "m")(lambda: (1, 0.5, "a"))() == (1, 0.5, "a")
    assert "not a tuple of 3 values; name them: monitor(…, prediction=" in str(client.stats.last_error)
    client.close(0)
    strict = BackgroundClient(UNREACHABLE, raise_errors=True)
    with pytest.raises(ValueError, match="tuple of 3 values"):
        strict.monitor("p", "m")(lambda: (1, 0.5, "a"))()
    strict.close(0)
