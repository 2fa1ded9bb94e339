"""What a run of MLflow states of a training: hyperparameters, source, signature and example."""

import subprocess
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from guard_core.project_settings.training import TrainingSpec
from ml.retraining.training.log_run import Tracking, log_candidate
from ml.retraining.training.run_facts import batches_of_params, source_tags
from ml.retraining.training.train import train
from ml.retraining.training.trained import Trained
from tests.ml.retraining.training.samples import labelled_rows


def _trained(*, threshold: float = 0.3) -> Trained:
    spec = TrainingSpec(algorithms=("gradient_boosting",), threshold=threshold)
    return train(labelled_rows(500), spec, lambda _: None, 7)


@pytest.fixture
def tracking(tmp_path: Path) -> Tracking:
    """An empty store of MLflow."""
    return Tracking(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "artifacts"))


def _logged(tracking: Tracking, trained: Trained) -> Run:
    return tracking.client().get_run(log_candidate(tracking, "p~m", trained, {"ml_guard.flag_id": "flag-1"}))


def test_the_run_has_the_hyperparameters_of_the_winner_and_the_threshold(tracking: Tracking) -> None:
    trained = _trained()
    params = _logged(tracking, trained).data.params
    fitted = trained.pipeline.named_steps["model"].get_params()
    assert {name: params[f"model__{name}"] for name in fitted} == {name: str(value) for name, value in fitted.items()}
    assert params["encode__category 0__smooth"] == "20.0"
    assert params["threshold"] == "0.3"
    assert params["algorithm"] == trained.algorithm


def test_the_run_names_user_source_and_commit_as_mlflow_does(tracking: Tracking) -> None:
    root = Path(__file__).parents[4]
    tags = _logged(tracking, _trained()).data.tags
    assert {"mlflow.user", "mlflow.source.name", "mlflow.source.type"} <= set(tags)
    assert tags["ml_guard.flag_id"] == "flag-1"
    git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    if git.returncode == 0:  # the sources of a release are no checkout
        assert tags["mlflow.source.git.commit"] == git.stdout.strip()


def test_tags_of_the_training_win_over_those_of_mlflow() -> None:
    assert source_tags({"mlflow.user": "somebody"})["mlflow.user"] == "somebody"


def test_the_model_has_its_signature_a_named_example_and_how_it_decides(tracking: Tracking) -> None:
    run = _logged(tracking, _trained())
    mlflow.set_tracking_uri(tracking.uri)
    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert model.metadata.signature.inputs.input_names() == ["x", "z", "plan", "member"]
    assert list(model.input_example.columns) == ["x", "z", "plan", "member"]
    assert model.predict(model.input_example).tolist() == model.predict(model.input_example.to_dict("list")).tolist()
    assert model.metadata.metadata == {"task": "binary", "classes": ["0", "1"], "positive": "1", "threshold": 0.3}
    assert isinstance(mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model"), Pipeline)


def test_hyperparameters_of_any_model_stay_within_the_limits_of_mlflow(tracking: Tracking) -> None:
    """Names with other characters, values that are too long, more than a batch, and a name that the training has, too."""
    steps = [(f"scale ({place}) %{place}", StandardScaler()) for place in range(60)]
    odd = FunctionTransformer(kw_args={"text": "a" * 10_000})
    many = replace(_trained(), pipeline=Pipeline([*steps, ("odd", odd)]))
    run_id = tracking.client().create_run("0").info.run_id
    for batch in batches_of_params(many):
        tracking.client().log_batch(run_id, params=batch)
    params = tracking.client().get_run(run_id).data.params
    assert params["scale _3_ _3__with_mean"] == "True"
    assert len(params) > 180
    assert len(params["odd__kw_args"]) == 6_000
    bare = replace(_trained(), pipeline=KNeighborsClassifier(algorithm="brute"), algorithm="own:build")
    named = {param.key: param.value for batch in batches_of_params(bare) for param in batch}
    assert (named["algorithm"], named["model__algorithm"]) == ("own:build", "brute")
    nested = replace(_trained(), pipeline=make_pipeline(StandardScaler(), KNeighborsClassifier()))
    assert not any("KNeighbors" in param.value for batch in batches_of_params(nested) for param in batch)
