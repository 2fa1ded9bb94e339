"""Generated files are read whole: no crash, no lost row or column, agreement with pandas on what is missing."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ml.drift import main
from ml.retraining.training.files import labelled_rows, split_in_time
from ml.tables.read import InputError, read_table
from tests.support.generated_tables import generate_table


@pytest.mark.parametrize("seed", range(300))
def test_a_generated_file_is_read_whole_and_judged_without_a_crash(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(seed)
    generated = generate_table(rng, regular=True)
    (tmp_path / "old.csv").write_bytes(generated.content)
    (tmp_path / "new.csv").write_bytes(generated.content if seed % 2 else generate_table(rng, regular=True).content)
    table = read_table(tmp_path / "old.csv").rows
    assert table.column_names == list(generated.header)
    assert len(table) == len(generated.text)
    assert {name: table[name].null_count for name in table.column_names} == generated.text.isna().sum().to_dict()
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
    generated = generate_table(np.random.default_rng(seed), regular=True)
    (tmp_path / "rows.csv").write_bytes(generated.content)
    lines: list[str] = []
    try:
        rows = labelled_rows(tmp_path / "rows.csv", generated.header[0], lines.append)
        data = split_in_time(rows, 0.2)
    except InputError:  # a table of one row, or without labels
        return
    left_out = sum(int(line.split()[2].replace(",", "")) for line in lines if line.startswith("left out"))
    assert len(data.rows) + len(data.trained_on) + left_out == len(generated.text)


@pytest.mark.parametrize("seed", range(300))
def test_arbitrary_bytes_are_judged_or_refused_in_one_line(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(generate_table(rng).content)
    for place in rng.integers(0, len(content), 1 + len(content) // 200):
        content[place] = int(rng.choice([0, 10, 13, 34, 44, 59, 129, 200, 255]))
    suffix = "parquet" if seed % 10 == 0 else "csv"
    path = tmp_path / f"rows.{suffix}"
    path.write_bytes(bytes(content))
    code = main(["--baseline", str(path), "--input", str(path)])
    assert code in {0, 2}
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("drift: ") for line in lines)
    notice = re.compile(r"drift: (\S+: it is not UTF-8 and is read as|column .* is left out: it )")
    assert (code == 2) == (bool(lines) and not notice.match(lines[-1]))
