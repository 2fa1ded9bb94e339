"""The sentence on drift by importance: which important features drift, and which cannot be judged."""

from guard_store.monitoring.drift_reports import ColumnVerdict, DayColumns
from serving.monitoring.series.matrix import build_matrix
from serving.monitoring.series.schemas import DriftMatrix
from serving.pages.models.sentences import importance_sentence, important_and_drifting, without_ratio

DAYS = ["2013-06-09", "2013-06-10", "2013-06-11"]
IMPORTANCE = {"feature_temp": 0.2, "feature_dewp": 0.1, "feature_hour": 0.001, "feature_humid": 0.05}


def matrix(importance: dict[str, float], **states: str) -> DriftMatrix:
    """Return a matrix whose second day is the newest that is compared with a baseline."""
    verdicts = [ColumnVerdict(f"feature_{name}", state, "a test", 0.4, 0.2) for name, state in states.items()]
    return build_matrix(
        DAYS,
        [DayColumns(DAYS[1], "drift", verdicts), DayColumns(DAYS[2], "missing_baseline", [])],
        importance,
    )


def test_important_features_that_drift_are_named_by_importance() -> None:
    both = matrix(IMPORTANCE, dewp="drift", hour="drift", temp="drift", humid="stable")
    assert importance_sentence(both) == "2 important features drift on 10 Jun 2013: temp, dewp"
    assert important_and_drifting(both) == ["temp", "dewp"]
    one = matrix(IMPORTANCE, dewp="drift", temp="warning")
    assert importance_sentence(one) == "1 important feature drifts on 10 Jun 2013: dewp"


def test_important_features_that_cannot_be_judged_are_counted() -> None:
    unsure = matrix(IMPORTANCE, temp="insufficient_data", dewp="no_data", hour="drift", humid="stable")
    assert importance_sentence(unsure) == "No important feature drifts on 10 Jun 2013; 2 cannot be told"


def test_without_measured_importance_there_is_no_sentence() -> None:
    assert importance_sentence(matrix({}, temp="drift")) is None
    assert importance_sentence(build_matrix(DAYS, [], IMPORTANCE)) is None


def test_a_feature_without_an_effect_is_listed_beside_the_chart() -> None:
    verdicts = [ColumnVerdict("feature_temp", "no_data", "no values"), ColumnVerdict("y_pred", "no_data", "no values")]
    assert without_ratio(build_matrix(DAYS, [DayColumns(DAYS[1], "no_data", verdicts)], IMPORTANCE)) == ["temp"]
