"""The demo's last word: it complains when a number is wrong, and names the day."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
from deltalake import write_deltalake
from ml_guard import BatchResult, RowError

from demo.checks import check_counts, check_gain, check_sums, check_verdicts, lake_counts, local_day_counts

EXPECTED = {"2013-03-09": 790, "2013-03-10": 908}


def test_days_are_counted_by_the_date_in_the_file(departures: pd.DataFrame) -> None:
    counts = local_day_counts(departures)
    assert (len(counts), sum(counts.values())) == (365, 336_776)
    assert (counts["2013-03-10"], counts["2013-11-03"]) == (908, 902)


def test_equal_counts_are_no_complaint() -> None:
    assert check_counts("lake", EXPECTED, dict(EXPECTED)) == []


def test_a_wrong_a_missing_and_a_surplus_day_are_complaints() -> None:
    assert check_counts("lake", EXPECTED, {**EXPECTED, "2013-03-10": 907}) == [
        "lake: 1 of 2 days differ from the count by pandas, first 2013-03-10: 907 instead of 908"
    ]
    assert check_counts("lake", EXPECTED, {"2013-03-10": 908})
    assert check_counts("lake", EXPECTED, {**EXPECTED, "2013-03-11": 1})


def test_answers_that_do_not_add_up_are_a_complaint() -> None:
    assert check_sums(10, BatchResult(accepted=7, duplicates=3)) == []
    assert check_sums(10, BatchResult(accepted=7, duplicates=2)) == ["sent 10 but accepted + duplicates + rejected = 9"]


def test_a_rejected_event_is_a_complaint_with_its_reason() -> None:
    result = BatchResult(accepted=9, rejected=1, errors=(RowError(4, "timestamp", "lies in the future"),))
    assert check_sums(10, result) == ["1 events were rejected, first: timestamp: lies in the future"]


def test_a_day_that_was_never_judged_is_a_complaint() -> None:
    reports = [{"day": "2013-03-09", "state": "drift"}, {"day": "2013-03-10", "state": "missing_baseline"}]
    assert check_verdicts(["2013-03-09"], reports) == []
    assert check_verdicts(list(EXPECTED), reports) == ["1 days have no verdict, first 2013-03-10"]
    assert check_verdicts(["2013-03-11"], reports)


def test_the_lake_is_counted_from_its_own_log(tmp_path: Path) -> None:
    days = pa.array([*["2013-03-09"] * 2, "2013-03-10"]).cast(pa.date32())
    write_deltalake(tmp_path / "p" / "m", pa.table({"day": days, "x": [1, 2, 3]}), partition_by=["day"])
    assert lake_counts(str(tmp_path), "p", "m") == {"2013-03-09": 2, "2013-03-10": 1}


def test_a_gain_that_is_too_small_is_a_complaint_with_the_numbers() -> None:
    assert check_gain({"value": 0.05}) == []
    assert check_gain({"value": 0.0312}) == ["ROC AUC of June to August is 0.0312 above the January model's, not 0.04"]
