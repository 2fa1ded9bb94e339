"""Builders of models as users would bring them; `docs/own-models.md` shows some of them."""

from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from ml.retraining.predictor.coded_labels import CodedLabels
from ml.retraining.predictor.schema import ModelSchema


def linear(schema: ModelSchema) -> Any:
    return make_pipeline(_one_hot(schema), LogisticRegression())


def forest(schema: ModelSchema) -> Any:
    return make_pipeline(_one_hot(schema), _forest())


def calibrated(schema: ModelSchema) -> Any:
    return make_pipeline(_one_hot(schema), CalibratedClassifierCV(_forest(), cv=3))


def voting(schema: ModelSchema) -> Any:
    return make_pipeline(_one_hot(schema), VotingClassifier(_two(), voting="soft"))


def stacking(schema: ModelSchema) -> Any:
    return make_pipeline(_one_hot(schema), StackingClassifier(_two(), cv=3))


def searched(schema: ModelSchema) -> Any:
    return make_pipeline(_one_hot(schema), GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=3))


def light_gbm(schema: ModelSchema) -> Any:
    from lightgbm import LGBMClassifier

    return make_pipeline(_ordinal(schema), LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1))


def xgboost(schema: ModelSchema) -> Any:
    from xgboost import XGBClassifier

    return make_pipeline(_ordinal(schema), CodedLabels(XGBClassifier(n_estimators=20, n_jobs=1)))


def failing(schema: ModelSchema) -> Any:
    return make_pipeline(SimpleImputer(strategy="mean"), LogisticRegression())


def numeric(schema: ModelSchema) -> Any:
    from sklearn.linear_model import Ridge

    return make_pipeline(_one_hot(schema), Ridge())


def _forest() -> RandomForestClassifier:
    return RandomForestClassifier(10, max_depth=4, random_state=7)


def _two() -> list[tuple[str, Any]]:
    return [("linear", LogisticRegression()), ("forest", _forest())]


def _one_hot(schema: ModelSchema) -> Any:
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), [f.name for f in schema.categorical]),
        (SimpleImputer(), [f.name for f in schema.plain]),
    )


def _ordinal(schema: ModelSchema) -> Any:
    unknown = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    categories = [f.name for f in schema.categorical]
    return make_column_transformer((unknown, categories), remainder="passthrough", verbose_feature_names_out=False)
