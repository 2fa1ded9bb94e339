"""Generated files through the drift script: no crash, no lost row, agreement with pandas on what is missing."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.drift import main
from ml.retraining.training.files import labelled_rows, split_in_time
from ml.tables.read import InputError, read_table

Maker = Callable[[np.random.Generator, int], list[str]]
MAKERS: dict[str, Maker] = {
    "number": lambda rng, rows: [f"{value:.3f}" for value in rng.normal(size=rows)],
    "integer": lambda rng, rows: [str(value) for value in rng.integers(-50, 50, rows)],
    "postal": lambda rng, rows: [f"{value:05}" for value in rng.integers(0, 100_000, rows)],
    "boolean": lambda rng, rows: rng.choice(["True", "False"], rows).tolist(),
    "label": lambda rng, rows: rng.choice(["Zürich", "a b", 'say "x"', "two\nlines", "x,y;z|"], rows).tolist(),
    "id": lambda rng, rows: [f"id-{value}" for value in rng.integers(0, 10**9, rows)],
    "day": lambda rng, rows: [f"2024-01-{value:02}" for value in rng.integers(1, 28, rows)],
    "infinite": lambda rng, rows: rng.choice(["inf", "-inf", "1.5"], rows).tolist(),
}
NAMES = ["age", "feature_age", "y_pred", "latency_ms", "größe", "a b", "a,b", "line\nfeed"]
WORDS = ["", "N/A", "n/a", "#N/A", "<NA>", "NaN", "null"]


def generated(rng: np.random.Generator) -> tuple[bytes, pd.DataFrame]:
    """Return a file, and the text of its columns as pandas reads them back."""
    rows = int(rng.choice([1, 2, 40, 400]))
    names = rng.permutation(NAMES)[: rng.integers(1, len(NAMES))].tolist()
    frame = pd.DataFrame({name: MAKERS[rng.choice(list(MAKERS))](rng, rows) for name in names}, dtype=object)
    holes = rng.random(frame.shape) < rng.choice([0, 0.1, 0.6, 1], p=[0.4, 0.3, 0.2, 0.1])
    words = rng.choice(WORDS, frame.shape)
    frame = frame.mask(holes, pd.DataFrame(words, columns=frame.columns))
    delimiter = str(rng.choice([",", ";", "\t", "|"])) if len(names) > 1 else ","
    text = frame.to_csv(index=False, sep=delimiter)
    encoding = str(rng.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    return text.encode(encoding), pd.read_csv(io.StringIO(text), sep=delimiter, dtype=str)


@pytest.mark.parametrize("seed", range(300))
def test_a_generated_file_is_read_whole_and_judged_without_a_crash(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(seed)
    content, expected = generated(rng)
    (tmp_path / "old.csv").write_bytes(content)
    (tmp_path / "new.csv").write_bytes(content if seed % 2 else generated(rng)[0])
    table = read_table(tmp_path / "old.csv").rows
    assert table.column_names == list(expected.columns)
    assert len(table) == len(expected)
    assert {name: table[name].null_count for name in table.column_names} == expected.isna().sum().to_dict()
    code = main(["--baseline", str(tmp_path / "old.csv"), "--input", str(tmp_path / "new.csv"), "--json"])
    printed = capsys.readouterr()
    if code == 2:
        assert printed.err.splitlines()[-1].startswith("drift: ")
    else:
        assert bool(json.loads(printed.out)["drifted"]) == (code == 1)
    if seed % 2:
        assert code == 0 or "no column in common" in printed.err


@pytest.mark.parametrize("seed", range(300))
def test_labelled_rows_of_a_generated_file_are_split_or_refused_with_a_reason(seed: int, tmp_path: Path) -> None:
    content, expected = generated(np.random.default_rng(seed))
    (tmp_path / "rows.csv").write_bytes(content)
    lines: list[str] = []
    try:
        rows = labelled_rows(tmp_path / "rows.csv", expected.columns[0], lines.append)
        data = split_in_time(rows, 0.2)
    except InputError:  # a table of one row, or without labels
        return
    left_out = sum(int(line.split()[2].replace(",", "")) for line in lines if line.startswith("left out"))
    assert len(data.rows) + len(data.trained_on) + left_out == len(expected)


@pytest.mark.parametrize("seed", range(300))
def test_arbitrary_bytes_are_judged_or_refused_in_one_line(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(generated(rng)[0])
    for place in rng.integers(0, len(content), 1 + len(content) // 200):
        content[place] = int(rng.choice([0, 10, 13, 34, 44, 59, 129, 200, 255]))
    suffix = "parquet" if seed % 10 == 0 else "csv"
    path = tmp_path / f"rows.{suffix}"
    path.write_bytes(bytes(content))
    code = main(["--baseline", str(path), "--input", str(path)])
    assert code in {0, 2}
    lines = [line for line in capsys.readouterr().err.splitlines() if "it is not UTF-8 and is read as" not in line]
    assert (code == 2) == (bool(lines) and lines[-1].startswith("drift: /"))
