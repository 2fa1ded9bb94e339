"""A history from files to its first verdicts, through a real server and the pipelines."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from guard_cli.history.files import read_history
from guard_cli.history.importing import _judge
from guard_cli.history.requests import ImportClient
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


def test_a_dry_run_names_the_rows_that_would_be_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "history.csv"
    frame = pd.DataFrame({"ts": ["2024-02-02", "2024-02-01"], "y_pred": [1, 0], "y_true": [1, 1], "latency": [5, -1]})
    frame.to_csv(path, index=False)
    assert main(["import", str(path), "--project", "shop", "--model", "churn", "--dry-run"]) == 1
    shown = capsys.readouterr().err
    assert "events: 1 would be rejected" in shown
    assert "row 1 (by time): latency_ms: must be" in shown
    assert "labels: 0 would be rejected" in shown
    frame.assign(ts=["noon", "2024-02-01"]).to_csv(path, index=False)
    assert main(["import", str(path), "--project", "shop", "--model", "churn", "--dry-run"]) == 2
    assert "column 'ts' is not a time in row 1: 'noon'" in capsys.readouterr().err


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


def test_all_files_that_an_import_names_are_read(tmp_path: Path) -> None:
    frame = history(40)
    frame[:10].to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    frame[10:20].to_parquet(tmp_path / "b.pq", index=False)
    frame[20:30].to_csv(tmp_path / "c.csv.gz", index=False)
    frame[30:].to_json(tmp_path / "d.jsonl.gz", orient="records", lines=True, date_format="iso")
    table, _ = read_history(str(tmp_path))
    assert table["prediction"].to_pylist() == frame["prediction"].tolist()


def test_folders_of_a_partition_are_columns(tmp_path: Path) -> None:
    for folder in ("region=north/month=1", "region=S%C3%BCd/month=2", "region=__HIVE_DEFAULT_PARTITION__/month=3"):
        (tmp_path / folder).mkdir(parents=True)
        history(1).to_parquet(tmp_path / folder / "part-0.parquet", index=False)
    table, _ = read_history(str(tmp_path))
    assert sorted(zip(table["month"].to_pylist(), table["region"].to_pylist(), strict=True)) == [
        (1, "north"),
        (2, "Süd"),
        (3, None),
    ]


class Bucket:
    """The part of an S3 client that an import uses, over a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, *, Prefix: str, **_: str) -> list[dict[str, list[dict[str, str]]]]:  # noqa: N803 - boto3's name
        keys = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        return [{"Contents": [{"Key": key} for key in keys if key.startswith(Prefix)]}]

    def download_file(self, _: str, key: str, path: str) -> None:
        Path(path).write_bytes((self.folder / key).read_bytes())


@pytest.mark.parametrize("prefix", ["_exports/", "_exports", "_exports/region=", "_exports/region=north/a.csv"])
def test_a_prefix_of_s3_is_read_like_a_folder(prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("region=north/a.csv", "region=north/_temporary/b.csv", "region=north/.c.csv"):
        path = tmp_path / "_exports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        history(5).to_csv(path, index=False)
    monkeypatch.setattr("boto3.client", lambda _: Bucket(tmp_path))
    table, _ = read_history(f"s3://bucket/{prefix}")
    assert table.num_rows == 5
    has_region = not prefix.endswith("a.csv")
    assert ("region" in table.column_names) == has_region


def test_files_that_programs_hide_are_not_rows(tmp_path: Path) -> None:
    for name in ("a.csv", "._a.csv", ".ipynb_checkpoints/a-checkpoint.csv", "_temporary/0/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        history(5).to_csv(tmp_path / name, index=False)
    assert read_history(str(tmp_path))[0].num_rows == 5


def test_times_of_ndjson_keep_their_offset(tmp_path: Path) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_text(
        '{"ts": "2024-01-01T10:00:00Z", "y_pred": 1}\n'
        '{"ts": "2024-01-01T10:00:00+02:00", "y_pred": 0}\n{"ts": null, "y_pred": 0}\n'
    )
    times = read_history(str(path))[0]["ts"]
    assert [time and str(time) for time in times.to_pylist()] == [
        "2024-01-01 10:00:00+00:00",
        "2024-01-01 08:00:00+00:00",
        None,
    ]
    path.write_text('{"ts": "2024-01-01T10:00:00", "y_pred": 1}\n')
    assert str(read_history(str(path))[0]["ts"].type) == "timestamp[us]"


def test_nested_values_of_ndjson_are_left_out_by_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_text('{"ts": "2024-01-01T10:00:00Z", "y_pred": 1, "tags": ["a"], "x": 2}\n')
    table, left_out = read_history(str(path))
    assert table.column_names == ["ts", "y_pred", "x"]
    assert left_out == {"tags": "holds list<item: string>"}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_of_dates_are_left_out_by_name_and_the_time_is_used(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"history.{suffix}"
    days = pd.date_range("2024-05-01", periods=40, tz="UTC")
    frame = pd.DataFrame({"ts": days, "y_pred": [0, 1] * 20, "age": range(40), "born": days - pd.Timedelta(9_000, "D")})
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    assert main(["import", str(path), "--project", "shop", "--model", "churn", "--dry-run"]) == 0
    shown = capsys.readouterr()
    lines = [line.split(maxsplit=1) for line in (shown.out + shown.err).splitlines()]
    assert ["features", "age"] in lines
    assert ["--time", "ts"] in lines
    (line,) = [" ".join(line) for line in lines if line[0] == "left"]
    assert line.startswith("left out      born: holds dates")


def _client_of(answers: list[httpx.Response]) -> ImportClient:
    """Return a client of a server that has the day profiled, and gives these answers to captures of a baseline."""
    day = {"day": "2024-05-01", "state": "done", "revision": 1, "profile_revision": 1, "retrain_revision": 1}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return answers.pop(0)
        items = [day] if request.url.path.endswith("/days") else []
        return httpx.Response(200, json={"items": items, "next_cursor": None})

    client = ImportClient("http://guard", "key")
    client._http.close()
    client._http = httpx.Client(base_url="http://guard", transport=httpx.MockTransport(answer))
    return client


def test_days_on_which_labels_were_counted_meanwhile_are_waited_for_again() -> None:
    answers = [httpx.Response(409, json={"days": ["2024-05-01"]}), httpx.Response(201, json={"version": 1})]
    with _client_of(answers) as client:
        _judge(client, "shop", "churn", [date(2024, 5, 1)], 1, 5)
    assert answers == []


def test_days_that_never_rest_end_the_import() -> None:
    busy = {"detail": "Not profiled yet with all their events: 2024-05-01.", "days": ["2024-05-01"]}
    answers = [httpx.Response(409, json=busy)] * 9
    with _client_of(answers) as client, pytest.raises(CommandError, match="Not profiled yet"):
        _judge(client, "shop", "churn", [date(2024, 5, 1)], 1, 5)
    assert len(answers) == 4


def test_a_baseline_that_no_waiting_makes_possible_ends_the_import() -> None:
    problem = {"detail": "The days do not fit together."}
    with (
        _client_of([httpx.Response(409, json=problem)]) as client,
        pytest.raises(CommandError, match="do not fit together"),
    ):
        _judge(client, "shop", "churn", [date(2024, 5, 1)], 1, 5)


def test_numbers_that_bigquery_exports_as_text_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = '{"ts":"2024-05-01 10:00:0%d UTC","y_pred":"1","visits":"12","code":"007","plan":"a"}\n'
    (tmp_path / "rows.ndjson").write_text("".join(row % second for second in range(5)))
    assert main(["import", str(tmp_path / "rows.ndjson"), "--project", "shop", "--model", "churn", "--dry-run"]) == 0
    shown = capsys.readouterr()
    noted = [line for line in (shown.out + shown.err).splitlines() if "all its values are numbers" in line]
    assert [line.split()[:2] for line in noted] == [["text", "visits:"]]


def test_a_source_without_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no file or folder"):
        read_history(str(tmp_path / "none.csv"))
    with pytest.raises(CommandError, match="has no file that ends with one of"):
        read_history(str(tmp_path))
