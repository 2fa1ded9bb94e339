"""What is trained, on which rows and with which algorithms; training itself is `ml.retraining.training`."""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from guard_core.project_settings.section import Section

Algorithm = Literal["gradient_boosting", "linear"]
ThresholdRule = Literal["stated", "f1", "balanced_accuracy", "cost"]
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)

_Cost = Annotated[float, Field(gt=0, le=10**9)]
_Rows = Annotated[int, Field(ge=20)]
_Days = Annotated[int, Field(ge=1, le=36_500)]


def _require_module_and_function(builder: str) -> str:
    if ":" not in builder:
        raise ValueError(f'must be "module:function", got {builder!r}')
    return builder


class TrainingSpec(Section):
    """Settings of a training."""

    algorithms: Annotated[tuple[Algorithm, ...], Field(strict=False, min_length=1)] = Field(
        ALGORITHMS, description="Algorithms that compete."
    )
    builder: Annotated[str, AfterValidator(_require_module_and_function)] | None = Field(
        None,
        description='"module:function" of a custom model that replaces the algorithms: the function takes the learned '
        "ModelSchema and returns an unfitted scikit-learn estimator that reads a data frame of the raw features.",
    )
    folds: int = Field(
        3,
        ge=1,
        le=20,
        description="Number of consecutive parts of the newer half of the rows that candidates are validated on.",
    )
    min_rows: _Rows = Field(200, description="Labelled rows below which nothing is trained.")
    search_rows: int = Field(
        50_000,
        ge=100,
        description="Newest rows that candidates are compared on, at most; the best one is trained on all rows.",
    )
    window_days: _Days = Field(365, description="Days before the flag whose rows are used.")
    max_rows: int = Field(2_000_000, ge=100, description="Newest labelled rows of the window that are used, at most.")
    holdout_days: _Days = Field(
        14,
        description="Newest days that are held out for the promotion rule: this many, or more until they have `holdout_rows` "
        "labelled rows, but never more than half of the rows.",
    )
    holdout_rows: _Rows = Field(500, description="Labelled rows that the held-out days must have.")
    baseline_days: _Days = Field(
        28,
        description="Newest days (at least the held-out ones) whose rows, scored by a new champion, become its baseline.",
    )
    max_categories: int = Field(
        10_000, ge=2, description="A categorical feature with more distinct values is taken for an id, and left out."
    )
    exclude: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)] = Field(
        (), description="Features that the model must not read."
    )
    include: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)] = Field(
        (), description="Features that the model reads although they look like the label, an id, free text or a time."
    )
    suspects: Literal["leave_out", "stop"] = Field(
        "leave_out", description="What is done about such features: they are left out, or the training stops."
    )
    threshold: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Probability from which a binary model predicts the positive class, if `threshold_by` is `stated`.",
    )
    threshold_by: ThresholdRule = Field(
        "stated",
        description="How a training finds that probability: it is `stated`, or the best on validated rows by `f1`, by "
        "`balanced_accuracy`, or by the `cost` of errors.",
    )
    false_positive_cost: _Cost = Field(1.0, description="Cost of a false positive, in any unit, for `cost`.")
    false_negative_cost: _Cost = Field(1.0, description="Cost of a false negative in the same unit, for `cost`.")
