"""LightGBM and CatBoost with their defaults on the sets; runs in a separate environment that has only their packages."""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.training.sets import LABEL, LabelledSet, categorical, contend, write_sets


def lightgbm(train: pd.DataFrame, test: pd.DataFrame, labelled: LabelledSet) -> npt.NDArray[np.float64]:
    """Train LightGBM; categories are its own."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    x, test = train.drop(columns=LABEL), test.copy()
    for name in categorical(train):
        x[name] = x[name].astype("category")
        test[name] = pd.Categorical(test[name], categories=x[name].cat.categories)
    if labelled.task == "regression":
        return np.asarray(LGBMRegressor(n_jobs=1, verbose=-1).fit(x, train[LABEL]).predict(test))
    return np.asarray(LGBMClassifier(n_jobs=1, verbose=-1).fit(x, train[LABEL]).predict_proba(test))


def catboost(train: pd.DataFrame, test: pd.DataFrame, labelled: LabelledSet) -> npt.NDArray[np.float64]:
    """Train CatBoost; categories are its own, and a missing one is a category."""
    from catboost import CatBoostClassifier, CatBoostRegressor  # type: ignore[import-not-found]

    names = categorical(train)
    x, test = train.drop(columns=LABEL), test.copy()
    for frame in (x, test):
        frame[names] = frame[names].astype(object).fillna("").astype(str)
    kind = CatBoostRegressor if labelled.task == "regression" else CatBoostClassifier
    model = kind(verbose=False, thread_count=1, allow_writing_files=False, cat_features=names).fit(x, train[LABEL])
    return np.asarray(model.predict(test) if labelled.task == "regression" else model.predict_proba(test))


def main() -> None:
    """Write the sets, or train on them."""
    work, folder = sys.argv[1], Path(sys.argv[2])
    if work == "write":
        write_sets(folder)
    else:
        contend(folder, {"LightGBM": lightgbm, "CatBoost": catboost})


if __name__ == "__main__":
    main()
