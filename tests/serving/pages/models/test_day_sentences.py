"""The sentences of the pages of a column and a day, for each verdict and kind."""

from typing import Any

import pytest

from serving.monitoring.features.schemas import (
    CategoriesView,
    FeatureHistory,
    FeatureVerdict,
    FeatureView,
    SampleView,
)
from serving.pages.models.day_sentences import feature_sentence

DRIFT: dict[str, Any] = {
    "kind": "numeric",
    "state": "drift",
    "reason": "psi 2.9 reaches 0.2",
    "method": "psi",
    "effect": 2.9,
    "warning_threshold": 0.1,
    "drift_threshold": 0.2,
    "p_value": 0.0,
    "adjusted_p_value": 0.0,
    "n": 25_541,
    "m": 26_171,
    "design_effect": 770.0,
    "window_days": 28,
    "required_n": 113_190,
    "statistics": {},
}
HISTORY = FeatureHistory(
    days=[], verdicts=[], methods=[], effects=[], noise_bounds=[], missing_shares=[], unseen_shares=[]
)
CARRIERS = CategoriesView(
    names=["AA", "UA"],
    baseline=[60, 40],
    window=[30, 60],
    baseline_other=0,
    window_other=0,
    unseen=10,
    unseen_names=["XX"],
    unseen_counts=[10],
)


def sample(mean: float | None) -> SampleView:
    return SampleView(rows=100, values=100, nulls=0, non_finite=0, mean=mean, median=mean, std=5.0)


def view(
    state: str = "drift", *, means: tuple[float | None, float | None] = (53.9, 68.1), **verdict: Any
) -> FeatureView:
    return FeatureView(
        day="2013-06-10",
        feature="temp",
        state=state,
        verdict=FeatureVerdict.of({**DRIFT, "state": state, **verdict}) if state in VERDICTS else None,
        baseline=None,
        baseline_sample=sample(means[0]),
        window_sample=sample(means[1]),
        histogram=None,
        categories=CARRIERS if means[0] is None else None,
        history=HISTORY,
    )


VERDICTS = {"drift", "warning", "stable", "insufficient_data", "no_data", "kind_mismatch"}
SAMPLE = "25,541 values of 28 days count as 33 independent ones"
CASES = [
    (
        view(),
        (
            "temp lies 14.2 higher than in the baseline (mean 68.1 against 53.9): drift on 10 Jun 2013; PSI 2.9, threshold 0.2;"
            f" {SAMPLE}"
        ),
    ),
    (
        view("warning", means=(68.1, 53.9), effect=0.15, design_effect=1.0, n=1, window_days=1),
        (
            "temp lies 14.2 lower than in the baseline (mean 53.9 against 68.1): warning on 10 Jun 2013; PSI 0.15, threshold 0.1;"
            " 1 value of 1 day"
        ),
    ),
    (
        view(means=(50.0, 50.1)),
        (
            "The values of temp are spread otherwise than in the baseline (mean 50.1 against 50): drift on 10 Jun 2013; PSI 2.9,"
            f" threshold 0.2; {SAMPLE}"
        ),
    ),
    (
        view(means=(None, None)),
        (
            "temp has other shares than in the baseline (AA 30 % against 60 %): drift on 10 Jun 2013; PSI 2.9, threshold 0.2;"
            f" {SAMPLE}"
        ),
    ),
    (
        view(about="missing", missing_share=0.46, reference_missing_share=0.11),
        (
            "temp is missing in 46 % of the rows of 10 Jun 2013, 11 % of those of the baseline: drift on 10 Jun 2013; PSI 2.9,"
            " threshold 0.2; 25,541 rows of 28 days count as 33 independent ones"
        ),
    ),
    (
        view("stable", effect=0.05),
        f"temp is as in the baseline: stable on 10 Jun 2013; PSI 0.05, threshold 0.2; {SAMPLE}",
    ),
    (
        view("stable", effect=0.3),
        (
            "temp differs from the baseline by no more than chance: stable on 10 Jun 2013; PSI 0.3, threshold 0.2;"
            f" {SAMPLE}"
        ),
    ),
    (
        view("insufficient_data"),
        (
            f"It cannot be told yet whether temp drifts on 10 Jun 2013: {SAMPLE}; 147 are needed to see PSI 0.2, the values of"
            " about 125 such days"
        ),
    ),
    (
        view("insufficient_data", required_n=None),
        (
            "It cannot be told yet whether temp drifts on 10 Jun 2013: the 26,171 values of the baseline, worth 33 independent"
            " ones, are too few to see PSI 0.2; capture a longer baseline"
        ),
    ),
    (view("no_data", n=0), "temp has no values on 10 Jun 2013; the baseline has 26,171 values"),
    (
        view("kind_mismatch", reason="numeric in the reference, categorical now"),
        "temp has changed its kind on 10 Jun 2013: numeric in the reference, categorical now",
    ),
    (view("missing_baseline"), "temp cannot be compared on 10 Jun 2013: the model has no baseline"),
    (view("no_events"), "The model has no events on 10 Jun 2013: there is nothing to say about temp"),
    (view("not_processed"), "10 Jun 2013 is not processed yet: there is no verdict on temp"),
    (view("not_judged"), "temp is not judged on 10 Jun 2013"),
]


@pytest.mark.parametrize(("feature", "sentence"), CASES)
def test_a_verdict_is_told_in_one_sentence_with_its_numbers(feature: FeatureView, sentence: str) -> None:
    assert feature_sentence(feature) == sentence


def test_an_identifier_is_named_with_its_unseen_share() -> None:
    reason = (
        "identifier, not judged: nearly all values of the baseline are distinct; 97.0% of today's values are not in it"
    )
    verdict = FeatureVerdict.of({**DRIFT, "state": "not_judged", "reason": reason})
    page = view().model_copy(update={"verdict": verdict, "state": "not_judged"})
    assert feature_sentence(page) == f"temp on 10 Jun 2013: {reason}"
