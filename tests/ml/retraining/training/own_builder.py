"""A model builder as a user would bring one: a pipeline that encodes in its own way."""

from typing import Any

from ml.retraining.predictor.schema import ModelSchema


def build(schema: ModelSchema) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), [f.name for f in schema.categorical]),
        (SimpleImputer(), [f.name for f in schema.plain]),
    )
    return make_pipeline(encode, LogisticRegression())
