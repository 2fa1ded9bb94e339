"""A history from files to its first verdicts, through a real server and the pipelines."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from guard_cli.history.files import read_history
from guard_cli.main import main
from guard_cli.terminal import CommandError
from guard_store.auth.store import KeyStore
from tests.support.pipelines import Pipelines, home, instance, pipelines
from tests.support.server import serving

__all__ = ["home", "instance", "pipelines"]


def history(rows: int = 3_000) -> pd.DataFrame:
    """Return 30 days of predictions whose income is 60 % higher from the 21st day on."""
    rng = np.random.default_rng(7)
    times = pd.date_range("2024-03-01", "2024-03-30T23:00", periods=rows)
    age = rng.normal(50, 10, rows)
    probability = 1 / (1 + np.exp(-(age - 50) / 10))
    return pd.DataFrame(
        {
            "ts": times.strftime("%Y-%m-%dT%H:%M:%S"),
            "age": age.round(1),
            "income": (rng.lognormal(10, 0.4, rows) * np.where(times.day > 20, 1.6, 1.0)).round(),
            "score": probability.round(4),
            "prediction": (probability > 0.5).astype(int),
            "churned": np.where(rng.random(rows) < probability, "churned", "stayed"),
        }
    )


@pytest.mark.timeout(900)
def test_a_history_ends_with_its_first_verdicts_and_can_be_imported_again(
    pipelines: Pipelines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "history.csv"
    history().to_csv(path, index=False)
    command = ["import", str(path), "--project", "shop", "--model", "churn", "--label", "churned"]
    with serving(pipelines.settings.storage.home) as server, ThreadPoolExecutor(1) as pool:
        address = server.url
        assert main([*command, "--server", address]) == 2
        assert "--positive churned" in capsys.readouterr().err
        command += ["--server", address, "--positive", "churned", "--baseline-days", "10"]
        importing = pool.submit(main, command)
        while not importing.done():
            pipelines.settle(most=20)
        assert importing.result() == 0
        shown = capsys.readouterr()
        assert "events: 3,000 accepted, 0 duplicates, 0 rejected" in shown.err
        assert "baseline 1: 2024-03-01 to 2024-03-10" in shown.err
        assert "first on 2024-03-2" in shown.out
        assert "income: psi" in shown.out
        assert f"{address}/projects/shop/models/churn" in shown.out
        assert main(command) == 0
        shown = capsys.readouterr()
        assert "events: 0 accepted, 3,000 duplicates, 0 rejected" in shown.err
        assert "baseline 1: " in shown.err
    keys = KeyStore(pipelines.database).page(limit=100)
    assert {key.name for key in keys} == {"ml-guard import"}
    assert all(key.revoked_us is not None for key in keys)


def test_a_dry_run_shows_the_mapping_and_sends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "history.csv"
    history(10).to_csv(path, index=False)
    assert main(["import", str(path), "--project", "shop", "--model", "churn", "--dry-run"]) == 0
    shown = capsys.readouterr().err
    assert "10 rows" in shown
    assert "--pred         prediction" in shown
    assert "features      age, income, churned" in shown


def test_a_server_that_does_not_answer_is_named(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "history.csv"
    history(10).to_csv(path, index=False)
    command = ["import", str(path), "--project", "shop", "--model", "churn", "--server", "http://127.0.0.1:9"]
    assert main(command) == 2
    assert "start it with `ml-guard up`" in capsys.readouterr().err


def test_files_of_a_folder_are_one_table_whatever_their_format(tmp_path: Path) -> None:
    frame = history(30)
    frame[:10].to_csv(tmp_path / "a.csv", index=False)
    frame[10:20].to_parquet(tmp_path / "b.parquet", index=False)
    (tmp_path / "c.ndjson").write_text("".join(json.dumps(row) + "\n" for row in frame[20:].to_dict("records")))
    (tmp_path / "readme.txt").write_text("not a table")
    table, _ = read_history(str(tmp_path))
    assert table.num_rows == 30
    assert table["prediction"].to_pylist() == frame["prediction"].tolist()


def test_a_source_without_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no file or folder"):
        read_history(str(tmp_path / "none.csv"))
    with pytest.raises(CommandError, match="has no file that ends with one of"):
        read_history(str(tmp_path))
