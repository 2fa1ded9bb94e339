"""Which column is what, and how rows become events and labels."""

from datetime import date

import pyarrow as pa
import pytest

from guard_cli.history.mapping import ColumnMapping, map_columns
from guard_cli.history.rows import as_predicted, first_window, local_days, to_events, to_labels
from guard_cli.terminal import CommandError

COLUMNS = ["ts", "prediction", "score", "churned", "age", "row"]


def test_columns_are_guessed_from_their_names_and_the_rest_are_features() -> None:
    mapping = map_columns(COLUMNS, {"label": "churned"}, {"row": "is an index"})
    assert mapping.columns == {"time": "ts", "pred": "prediction", "proba": "score", "label": "churned"}
    assert mapping.features == ["age"]


def test_a_chosen_column_is_not_guessed_for_another_part() -> None:
    mapping = map_columns(["time", "score"], {"pred": "score"}, {})
    assert mapping.columns == {"pred": "score", "time": "time"}


def test_an_empty_choice_is_no_column() -> None:
    assert map_columns(["ts", "y_pred", "id"], {"id": ""}, {}).features == ["id"]


@pytest.mark.parametrize(
    ("columns", "chosen", "message"),
    [
        (["ts", "age"], {}, r"which column is the pred\? name it: --pred COLUMN; there are ts, age"),
        (["ts", "y_pred"], {"label": "late"}, "--label: there is no column 'late'; there are ts, y_pred"),
    ],
)
def test_what_cannot_be_mapped_is_named_with_the_cure(
    columns: list[str], chosen: dict[str, str | None], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        map_columns(columns, chosen, {})


@pytest.mark.parametrize("chosen", [{}, {"time": "ts"}])
def test_a_column_that_cannot_be_used_is_named_with_its_reason(chosen: dict[str, str | None]) -> None:
    with pytest.raises(CommandError, match="column 'ts' holds dates that may begin with the day; convert it: times as"):
        map_columns(["y_pred"], chosen, {"ts": "holds dates that may begin with the day"})


def table(**columns: object) -> pa.Table:
    return pa.table({"ts": ["2024-03-02T12:00:00", "2024-03-01T23:30:00"], "y_pred": [1, 0], **columns})


def events(rows: pa.Table, timezone: str = "UTC", **chosen: str | None) -> pa.Table:
    return to_events(rows, map_columns(rows.column_names, chosen, {}), "shop", "churn", timezone)


def test_events_are_in_the_order_of_time_and_times_without_an_offset_are_local() -> None:
    rows = events(table(age=[1, 2]), "America/New_York")
    assert rows["features"].to_pylist() == [{"age": 2}, {"age": 1}]
    assert str(rows["timestamp"][0]) == "2024-03-02 04:30:00+00:00"
    assert local_days(rows, "America/New_York") == [date(2024, 3, 1), date(2024, 3, 2)]


def test_ids_are_the_same_for_the_same_rows_and_differ_for_equal_ones() -> None:
    rows = pa.table({"ts": ["2024-03-01"] * 3, "y_pred": [1, 1, 0]})
    first, again = events(rows)["event_id"].to_pylist(), events(rows)["event_id"].to_pylist()
    assert first == again
    assert len(set(first)) == 3


def test_rows_without_a_label_have_none_and_a_label_is_known_with_its_event() -> None:
    labels = to_labels(events(table(y_true=[1, None])))
    assert labels["y_true"].to_pylist() == [1]
    assert str(labels["observed_at"][0]) == "2024-03-02 12:00:00+00:00"
    assert labels.column_names == ["project_id", "event_id", "y_true", "observed_at"]


def test_a_time_that_is_a_number_or_missing_is_refused() -> None:
    with pytest.raises(CommandError, match="column 'ts' is a number, not a time"):
        events(pa.table({"ts": [1, 2], "y_pred": [0, 1]}))
    with pytest.raises(CommandError, match="column 'ts' has no time in row 2"):
        events(pa.table({"ts": ["2024-03-01", None], "y_pred": [0, 1]}))
    with pytest.raises(CommandError, match="column 'ts' is not a time in row 1: 'yesterday'"):
        events(pa.table({"ts": ["yesterday", "today"], "y_pred": [0, 1]}))


def chunked(*values: object) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def test_labels_in_other_words_than_predictions_need_to_be_told_apart() -> None:
    with pytest.raises(CommandError, match="which label means 1\\? --positive churned"):
        as_predicted(chunked("churned", "stayed"), chunked(0, 1), None)
    assert as_predicted(chunked("churned", "stayed", None), chunked(0, 1), "churned").to_pylist() == [1, 0, None]
    with pytest.raises(CommandError, match="--positive: no label is 'yes'"):
        as_predicted(chunked("churned", "stayed"), chunked(0, 1), "yes")


@pytest.mark.parametrize(
    ("labels", "predictions"), [((1, 0), (1, 0)), (("a", "b", "c"), (0, 1)), ((0.5, 1.5, 2.5), (0.4, 1.4, 9.0))]
)
def test_labels_that_share_words_or_are_no_pair_stay(
    labels: tuple[object, ...], predictions: tuple[object, ...]
) -> None:
    assert as_predicted(chunked(*labels), chunked(*predictions), None).to_pylist() == list(labels)


@pytest.mark.parametrize("labels", [(1.0, 0.0, None), (True, False, None), ("Yes", "No", None)])
def test_labels_that_mean_the_same_as_predictions_need_no_option(labels: tuple[object, ...]) -> None:
    assert as_predicted(chunked(*labels), chunked(1, 0), None).to_pylist() == list(labels)


def test_rows_without_an_id_have_a_digest_so_that_sending_them_again_is_a_duplicate() -> None:
    rows = table(id=["a", None], y_true=[1, 0])
    first, again = events(rows), events(rows)
    assert first["event_id"].to_pylist() == again["event_id"].to_pylist()
    assert first["event_id"].null_count == 0
    assert len(to_labels(first)) == 2


def test_an_id_at_several_times_is_that_of_no_prediction() -> None:
    with pytest.raises(CommandError, match=r"column 'id' has '7' at 2 different times.* --id COLUMN; with --id ''"):
        events(table(id=[7, 7]))
    same = pa.table({"ts": ["2024-03-01"] * 2, "y_pred": [1, 1], "id": ["a", "a"]})
    assert events(same)["event_id"].to_pylist() == ["a", "a"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"y_proba": [81.0, 12.5]},
            "column 'y_proba' has 81, and a probability is from 0 to 1: divide per cent by 100",
        ),
        ({"score": [-0.5, 0.5]}, "column 'score' has -0.5, .*; with --proba '' the column is a feature"),
        ({"y_proba": ["high", "low"]}, "column 'y_proba' is string, not a number from 0 to 1; convert it"),
        ({"latency": ["12 ms", "9 ms"]}, "column 'latency' is string, not a number of milliseconds; .* --latency ''"),
    ],
)
def test_a_column_that_cannot_be_its_part_of_an_event_is_refused_before_anything_is_sent(
    columns: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        events(table(**columns))


def test_a_probability_may_be_missing_or_one_rounding_away() -> None:
    assert events(table(y_proba=[None, 1.0000001]))["y_proba"].to_pylist() == [1.0000001, None]
    assert events(table(y_proba=pa.nulls(2)))["y_proba"].null_count == 2


def test_an_index_that_may_be_the_time_is_named_in_the_question() -> None:
    with pytest.raises(CommandError, match=r"which column is the time\?.*frame.rename_axis\('timestamp'\)"):
        map_columns(["y_pred"], {}, {"__index_level_0__": "is an index"})


def test_a_short_history_gives_a_third_of_its_days_to_the_baseline() -> None:
    days = [date(2024, 1, 1), date(2024, 1, 9)]
    assert first_window(days, 28) == (date(2024, 1, 1), date(2024, 1, 3))
    assert first_window([date(2024, 1, 1), date(2024, 12, 31)], 28) == (date(2024, 1, 1), date(2024, 1, 28))
    assert first_window([date(2024, 1, 1)], 28) == (date(2024, 1, 1), date(2024, 1, 1))


def test_features_may_be_none() -> None:
    mapping = ColumnMapping({"time": "ts", "pred": "y_pred"}, [])
    assert to_events(table(), mapping, "shop", "churn", "UTC")["features"].to_pylist() == [{}, {}]


@pytest.mark.parametrize("positive", [None, "late"])
def test_labels_in_other_words_beside_one_prediction_alone_are_refused(positive: str | None) -> None:
    labels, predictions = pa.chunked_array([["late", "on-time"]]), pa.chunked_array([[1, 1]])
    with pytest.raises(CommandError, match="all predictions are 1"):
        as_predicted(labels, predictions, positive)


def test_the_larger_prediction_is_so_by_its_size_and_missing_labels_stay() -> None:
    labels, predictions = pa.chunked_array([["late", "on-time"]]), pa.chunked_array([[10, 9]])
    assert as_predicted(labels, predictions, "late").to_pylist() == [10, 9]
    missing = pa.chunked_array([pa.array([None, None], pa.string())])
    assert as_predicted(missing, predictions, None) is missing
