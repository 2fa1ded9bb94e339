"""Generated tables through the scripts: documented exit codes, messages of one line, no lost column, missing values as in pandas."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ml import drift, evaluate, train
from tests.support.generated_tables import GeneratedTable, generate_table, table_seeds
from tests.support.paths import ROOT

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def sample_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sample")
    rows = str(ROOT / "tests/ml/tables/cases/yes-no.csv")
    assert train.main(_training(folder, rows, "y")) == train.EXIT_BETTER
    return _model_in(folder)


@pytest.mark.parametrize("seed", table_seeds())
def test_drift_accounts_for_every_column_and_its_missing_values(seed: int, tmp_path: Path, capsys: Output) -> None:
    table = generate_table(np.random.default_rng(seed))
    rows = _file(tmp_path, table)
    code, output, errors = _run(drift.main, ["--baseline", rows, "--input", rows, "--json"], capsys)
    assert all(line.startswith("drift: ") for line in errors)
    if code == drift.EXIT_BAD_INPUT:
        assert not table.is_regular or "no column in common" in errors[-1]
        return
    assert code == drift.EXIT_STABLE
    verdicts = {verdict["column"]: verdict for verdict in json.loads(output)["columns"]}
    notices = "\n".join(errors)
    for column in table.header:
        if f"column {column!r} is left out: it " in notices:
            continue
        name = f"feature_{column}" if f"feature_{column}" in verdicts else column
        if (share := verdicts[name]["missing_share"]) is not None:
            assert share == pytest.approx(_missing_share(table, column)), column


@pytest.mark.parametrize("seed", table_seeds())
def test_training_and_evaluation_end_with_a_result_or_one_line_of_error(
    seed: int, sample_model: str, tmp_path: Path, capsys: Output
) -> None:
    rng = np.random.default_rng(seed)
    table = generate_table(rng)
    rows, target = _file(tmp_path, table), str(rng.choice(table.header))
    code, _, errors = _run(train.main, _training(tmp_path, rows, target), capsys)
    if code == train.EXIT_BAD_INPUT:
        assert errors[-1].startswith("train: ")
        model = sample_model
    else:
        model = _model_in(tmp_path)
    arguments = ["--model", model, "--input", rows, "--target", target, "--json"]
    judged, output, errors = _run(evaluate.main, arguments, capsys)
    if judged == evaluate.EXIT_BAD_INPUT:
        assert errors[-1].startswith("evaluate: ")
        assert code == train.EXIT_BAD_INPUT, errors
    else:
        assert json.loads(output)["promote"] == (judged == evaluate.EXIT_GOOD)


def _run(main: Callable[[Sequence[str]], int], arguments: list[str], capsys: Output) -> tuple[int, str, list[str]]:
    """Run a script; return its exit code, its output and the lines of its errors, none of which a name may break in two."""
    capsys.readouterr()
    code = main(arguments)
    printed = capsys.readouterr()
    errors = printed.err.splitlines()
    assert code in {0, 1, 2}
    assert not [line for line in errors if line.startswith(("feed", "lines", "Traceback"))]
    return code, printed.out, errors


def _file(folder: Path, table: GeneratedTable) -> str:
    (folder / "rows.csv").write_bytes(table.content)
    return str(folder / "rows.csv")


def _training(folder: Path, rows: str, target: str) -> list[str]:
    store = ["--tracking-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts", str(folder / "artifacts")]
    return ["--input", rows, "--target", target, *store]


def _model_in(folder: Path) -> str:
    return str(next(folder.rglob("MLmodel")).parent)


def _missing_share(table: GeneratedTable, column: str) -> float:
    """Return the share of rows without a finite value, as pandas reads them."""
    text = table.text[column]
    return float((text.isna() | text.isin(["inf", "-inf"])).mean())
