"""Files as people and programs write them: types, missing values, delimiters and encodings."""

import bz2
import gzip
import subprocess
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.tables.columns import ColumnType
from ml.tables.read import FileTable, InputError, read_table


def read(folder: Path, content: str | bytes, types: Mapping[str, ColumnType] | None = None) -> FileTable:
    path = folder / "rows.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path, types)


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ("x\n1\n2\n", [1, 2]),
        ("x\n1.5\n 2\n1e3\n", [1.5, 2.0, 1000.0]),
        ("x\n-inf\nInfinity\n1\n", [float("-inf"), float("inf"), 1.0]),
        ("x\n01234\n99999\n", ["01234", "99999"]),
        ("x\n12345678901234567890\n12345678901234567891\n", ["12345678901234567890", "12345678901234567891"]),
        ("x\nTrue\nfalse\nNA\n", [True, False, None]),
        ("x;y\nWAHR;1,5\nFALSCH;2,5\n", [True, False]),
        ("x;y\nVrai;1,5\n;2,5\nFAUX;2,5\n", [True, None, False]),
        ("x,y\nt,1\nf,2\n", [True, False]),
        ("x\nf\nf\n", ["f", "f"]),
        ("x\nsand\nsand\n", ["sand", "sand"]),
        ("x\nwahr\nfaux\n", ["wahr", "faux"]),
        ("x\n1,5\n2\n", [1.5, 2.0]),
        ("x\nTrue\nfalse\nUnknown\n", ["True", "false", "Unknown"]),
        ('x,y\n"1,5",a\n"2,25",b\n', [1.5, 2.25]),
        ('x,y\n"1,500",a\n"2,250.5",b\n', [1500.0, 2250.5]),
        ("x;y\n1.500,5;a\n2;b\n", [1500.5, 2.0]),
        ("x;y\n-inf;a\n2,5;b\n", [float("-inf"), 2.5]),
        ("x\ty\n1\ta\n2\tb\n", [1, 2]),
        ("x|y\n1|a,b\n2|c,d\n", [1, 2]),
        ("x;y\n1,5;2,5\n3,5;4,5\n", [1.5, 3.5]),
    ],
)
def test_the_type_of_a_column_is_learned_from_all_of_its_text(
    content: str, values: list[object], tmp_path: Path
) -> None:
    assert read(tmp_path, content).rows["x"].to_pylist() == values


@pytest.mark.parametrize("word", ["", '""', "N/A", "n/a", "#N/A", "<NA>", "NA", "NaN", "null", "NULL", "None", "none"])
def test_the_usual_words_are_missing_in_a_column_of_numbers(word: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"x,y\n1,a\n{word},b\n").rows["x"].to_pylist() == [1, None]


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ("x,y\n12%,a\n13.5 %,b\n", [12, 13.5]),
        ("x;y\n1.500,50 €;a\n2,00 €;b\n", [1500.5, 2]),
        ('x,y\n"$1,500.00",a\n-$2,b\n', [1500, -2]),
        ("x;y\n1\u00a0500,5;a\n2\u202f000;b\n", [1500.5, 2000]),
        ("x;y\n1'500.5;a\n2;b\n", [1500.5, 2]),
        ("x,y\n\N{MINUS SIGN}1.5,a\n2,b\n", [-1.5, 2]),
        ("x,y\n$1,a\n€2,b\n", ["$1", "€2"]),
        ("x,y\n12%,a\n0.5,b\n", ["12%", "0.5"]),
        ("x,y\n(1.50),a\n2.00,b\n", [-1.5, 2]),
        ('x,y\n"($1,500.00)",a\n$(2.00),b\n$3.00,c\n', [-1500, -2, 3]),
        ("x,y\n(1),a\n(2),b\n", ["(1)", "(2)"]),
        ("x;y\n1.500,50-;a\n2,00;b\n", [-1500.5, 2]),
        ("x,y\n2-,a\n3,b\n", ["2-", "3"]),
        ('x,y\n"1,23,456.50",a\n2,b\n', [123456.5, 2]),
        ("x,y\n1.50 USD,a\n-2 USD,b\n", [1.5, -2]),
        ("x,y\n+3,a\n-4,b\n", [3, -4]),
        ("x;y\n+1,5 %;a\n-0,5 %;b\n", [1.5, -0.5]),
        ("x,y\n+491701,a\n+491702,b\n", ["+491701", "+491702"]),
        ('x,y\n"$ 1,234.50 ",a\n $ -   ,b\n $ (12.00),c\n', [1234.5, 0, -12]),
        ("x;y\n1,50 €;a\n- €;b\n", [1.5, 0]),
        ("x,y\n030 123 456,a\n040 123 456,b\n", ["030 123 456", "040 123 456"]),
    ],
)
def test_numbers_for_people_are_numbers_if_they_have_one_unit(
    content: str, values: list[object], tmp_path: Path
) -> None:
    assert read(tmp_path, content).rows["x"].to_pylist() == values


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ("x;y\n999;1,5\n1.234;2,5\n12.345;3,5\n", [999, 1234, 12345]),
        ("x;y\n1.5;1,5\n1.234;2,5\n", [1.5, 1.234]),
        ("x;y\n0.125;1,5\n1.234;2,5\n", [0.125, 1.234]),
        ("x;y\n1.234;1\n2.345;2\n", [1.234, 2.345]),
    ],
)
def test_a_file_with_decimal_commas_has_points_between_thousands(
    content: str, values: list[float], tmp_path: Path
) -> None:
    assert read(tmp_path, content).rows["x"].to_pylist() == values


@pytest.mark.parametrize(
    ("suffix", "content", "values"),
    [
        (".tsv", 'x\ty\n"1,234"\t0.5\n950\t1.5\n', [1234, 950]),
        (".tsv", 'x\ty\n"1,234.50"\t1\n999.00\t2\n', [1234.5, 999]),
        (".csv", "x|y\n1,234,567|1\n950|2\n", [1234567, 950]),
        (".csv", 'x,y\n"1.234","5,5"\n"12.345","6,25"\n', [1234, 12345]),
        (".csv", 'x,y\n"1,459 €","5,5 %"\n"1,509 €","6,25 %"\n', [1.459, 1.509]),
        (".csv", 'x,y\n"1,459",1.5\n"1,509",2.5\n', [1459, 1509]),
        (".csv", 'x,y\n"0,459",a\n"0,509",b\n', [0.459, 0.509]),
    ],
)
def test_other_columns_tell_the_decimal_sign(suffix: str, content: str, values: list[float], tmp_path: Path) -> None:
    path = tmp_path / f"f{suffix}"
    path.write_text(content)
    assert read_table(path).rows["x"].to_pylist() == values


def test_a_second_file_has_the_decimal_sign_of_the_first(tmp_path: Path) -> None:
    first = read(tmp_path, 'x,y\n"1,5",a\n"2,5",b\n')
    assert read(tmp_path, 'x,y\n"1,234",a\n"2,345",b\n', first.types).rows["x"].to_pylist() == [1.234, 2.345]


@pytest.mark.parametrize("space", [" ", "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"])
@pytest.mark.parametrize("unit", ["€", "%", "kr", "zł"])
def test_units_may_follow_any_space(unit: str, space: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"x;y\n1.234,50{space}{unit};a\n2,5{space}{unit};b\n").rows["x"].to_pylist() == [1234.5, 2.5]


@pytest.mark.parametrize(
    "word",
    [".", ".a", "._", "-", "?", "\\N", "#DIV/0!", "#VALUE!", "NaT", "#WERT!", "#NV", "#¡DIV/0!", "#ЗНАЧ!", "#NOM?"],
)
def test_missing_values_of_other_programs_leave_a_column_numbers(word: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"x,y\n1.5,a\n{word},b\n").rows["x"].to_pylist() == [1.5, None]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_first_line_of_excel_declares_the_delimiter(mark: str, end: str, tmp_path: Path) -> None:
    table = read(tmp_path, mark + end.join(["sep=;", "x;y", "1,5;a", "2,5;b", ""]))
    assert table.rows.to_pydict() == {"x": [1.5, 2.5], "y": ["a", "b"]}


@pytest.mark.parametrize(
    "date", ["2024-01-01 10:00:00.123456789", "2024-01-01 10:00:00 UTC", "2024-01-01T10:00:00.000Z"]
)
def test_stamps_of_pandas_and_bigquery_are_dates(date: str, tmp_path: Path) -> None:
    column = read(tmp_path, f"x,y\n{date},a\nNaT,b\n").rows["x"]
    assert pa.types.is_timestamp(column.type)
    assert column.null_count == 1


@pytest.mark.parametrize(
    ("date", "value"),
    [
        ("31.12.2024", "2024-12-31 00:00:00"),
        ("31.12.2024 18:30", "2024-12-31 18:30:00"),
        ("2024/12/31", "2024-12-31 00:00:00"),
        ("31/12/2024 18:30:05", "2024-12-31 18:30:05"),
        ("12/31/2024 6:30:05 PM", "2024-12-31 18:30:05"),
        ("03/03/2024", "2024-03-03 00:00:00"),
        ("31.12.24", "2024-12-31 00:00:00"),
        ("12/31/24 18:30", "2024-12-31 18:30:00"),
        ("31DEC2024", "2024-12-31 00:00:00"),
        ("31DEC2024:18:30:05", "2024-12-31 18:30:05"),
        ("31-Dec-2024", "2024-12-31 00:00:00"),
        ("31-DEC-24", "2024-12-31 00:00:00"),
        ('"Dec 1, 2024"', "2024-12-01 00:00:00"),
        ("31 December 2024", "2024-12-31 00:00:00"),
        ("Dec 31 2024  6:30PM", "2024-12-31 18:30:00"),
        ("31DEC2024:18:30:05.25", "2024-12-31 18:30:05.250000"),
        ("31.12.2024 18:30:05.5", "2024-12-31 18:30:05.500000"),
        ('"Tuesday, December 31, 2024"', "2024-12-31 00:00:00"),
        ('"Tue, 31 Dec 2024 18:30:05 GMT"', "2024-12-31 18:30:05+00:00"),
        ("Tue Dec 31 2024 18:30:05 GMT+0100 (Central European Standard Time)", "2024-12-31 17:30:05+00:00"),
        ("31 Dec 2024 18:30 EST", "2024-12-31 23:30:00+00:00"),
        ("2024-12-31 18:30:05.000 -0800", "2025-01-01 02:30:05+00:00"),
        ("2024-12-31 18:30:05.0000000 +01:00", "2024-12-31 17:30:05+00:00"),
        ("2024-12-31 18:30:05 +0000 UTC", "2024-12-31 18:30:05+00:00"),
        ("Tuesday", "Tuesday"),
        ("31 Foo 2024 18:30 EST", "31 Foo 2024 18:30 EST"),
        ("31-Foo-24", "31-Foo-24"),
        ("1.12.10", "1.12.10"),
        ("1.2.3", "1.2.3"),
        ("31.12.2024 a", "31.12.2024 a"),
    ],
)
def test_dates_of_spreadsheets_are_dates(date: str, value: str, tmp_path: Path) -> None:
    column = read(tmp_path, f"x,y\n{date},a\n,b\n").rows["x"]
    assert (str(column[0]), column.null_count) == (value, 1)


def test_dates_that_may_begin_with_the_day_or_the_month_are_left_out(tmp_path: Path) -> None:
    table = read(tmp_path, "x,y\n01/02/2024,a\n03/04/2024,b\n")
    assert table.rows.column_names == ["y"]
    assert table.left_out == {"x": "holds dates that may begin with the day or the month"}


def test_dates_that_may_begin_with_either_are_read_as_in_the_first_file(tmp_path: Path) -> None:
    first = read(tmp_path, "d,x\n2/13/24,1\n2/3/24,2\n")
    second = read(tmp_path, "d,x\n2/3/24,1\n", dict(first.types))
    assert [str(day) for day in second.rows["d"].to_pylist()] == ["2024-02-03 00:00:00"]
    assert second.left_out == {}


def test_a_quote_with_a_backslash_is_part_of_a_value(tmp_path: Path) -> None:
    table = read(tmp_path, 'x,y\n"say \\"hi\\", a",1\nC:\\new,2\n')
    assert table.rows.to_pydict() == {"x": ['say "hi", a', "C:\\new"], "y": [1, 2]}
    assert read(tmp_path, 'x,y\n"C:\\",1\n').rows["x"].to_pylist() == ["C:\\"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            "# export of May\nx,y,z\n1,2,3\n",
            "the first line has fields: 1, but a record has 3: x,y,z; put the names of all columns",
        ),
        ("x,y\na,1.5,2\nb,2.5,3\n", "also of row names, into the first line"),
        ('x,y\n"a,1\nb,2\n', "fill its fields, or close its quotes"),
    ],
)
def test_records_of_another_width_are_refused_with_the_cure(content: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        read(tmp_path, content)


def test_a_line_above_the_names_of_the_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="column 2 has values, but no name in the first line; name it, or remove lines"
    ):
        read(tmp_path, "Sales report 2024,,\nregion,units,price\nNorth,3,1.5\nSouth,4,2.5\n")


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed_files_are_read_by_their_suffix(
    suffix: str, compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / f"rows.csv{suffix}"
    path.write_bytes(compress(b"x;y\n1,5;a\n"))
    assert read_table(path).rows.to_pydict() == {"x": [1.5], "y": ["a"]}
    path.write_bytes(b"x;y\n1,5;a\n")
    with pytest.raises(InputError, match=r"rows\.csv"):
        read_table(path)


def test_files_may_end_with_other_suffixes_of_their_format(tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text("x\ty\n1\ta\n")
    pq.write_table(pa.table({"x": [1], "y": ["a"]}), tmp_path / "rows.pq")
    for name in ("rows.tsv", "rows.pq"):
        assert read_table(tmp_path / name).rows.to_pydict() == {"x": [1], "y": ["a"]}


def test_ambiguous_words_are_values_if_they_are_quoted_or_frequent(tmp_path: Path) -> None:
    rows = ["a"] * 198
    assert read(tmp_path, "\n".join(["x", *rows, "NA"])).rows["x"].null_count == 1
    assert read(tmp_path, "\n".join(["x", *rows, '"NA"'])).rows["x"].null_count == 0
    assert read(tmp_path, "\n".join(["x", *rows, "NA", "NA"])).rows["x"].null_count == 0
    assert read(tmp_path, "\n".join(["x", *rows, "n/a", "n/a", '""'])).rows["x"].null_count == 3


def test_a_second_file_is_read_by_the_types_of_the_first(tmp_path: Path) -> None:
    first = read(tmp_path, "code;ok;price;country\n01234;True;1,5;NA\n99999;False;2,5;ZA\n")
    second = read(tmp_path, "code,ok,price,country\n99999,true,2,NA\n88888,Unknown,3,FR\n", dict(first.types))
    assert second.rows.to_pydict() == {
        "code": ["99999", "88888"],
        "ok": ["true", "Unknown"],
        "price": [2, 3],
        "country": ["NA", "FR"],
    }


def test_text_that_is_no_number_stays_text(tmp_path: Path) -> None:
    table = read(tmp_path, "x\nlow\n2\n", {"x": ColumnType("number")})
    assert table.rows["x"].to_pylist() == ["low", "2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252"])
def test_encodings_are_detected(encoding: str, tmp_path: Path) -> None:
    assert read(tmp_path, "größe;stadt\n1;Zürich\n".encode(encoding)).rows.to_pydict() == {
        "größe": [1],
        "stadt": ["Zürich"],
    }


@pytest.mark.parametrize(
    ("header", "cities", "encoding"),
    [
        ("город", ["Москва", "Санкт-Петербург", "Казань", "Новосибирск"], "cp1251"),
        ("都市", ["東京", "大阪", "名古屋", "札幌"], "cp932"),
        ("城市", ["北京", "上海", "广州", "深圳"], "gb18030"),
        ("ville", ["Orléans", "Besançon", "Nîmes"], "cp1252"),
    ],
)
@pytest.mark.parametrize("ascii_rows", [0, 20_000])
def test_an_encoding_without_a_mark_is_guessed_by_its_letters_and_named(
    header: str, cities: list[str], encoding: str, ascii_rows: int, tmp_path: Path
) -> None:
    lines = [header, *["plain"] * ascii_rows, *cities]
    table = read(tmp_path, "\n".join(lines).encode(encoding))
    assert table.rows[header].to_pylist()[ascii_rows:] == cities
    assert encoding in str(table.encoding_notice)


@pytest.mark.parametrize("header", ["temp °C", "µg", "preis €", "§", "±5", "“q”", "naïve"])
def test_single_signs_beyond_ascii_are_windows_1252(header: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"{header}\n1\n".encode("cp1252")).rows.column_names == [header]


def test_quoted_line_feeds_and_delimiters_are_part_of_a_value_in_large_files(tmp_path: Path) -> None:
    rows = 60_000
    content = "n,note\n" + "".join(f'{n},"line, one\nline ""two"" of row {n} {"x" * 20}"\n' for n in range(rows))
    table = read(tmp_path, content).rows
    assert table["n"].to_pylist() == list(range(rows))
    assert table["note"][rows - 1].as_py() == f'line, one\nline "two" of row {rows - 1} {"x" * 20}'


def test_the_index_that_pandas_writes_is_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.5, None]}, index=pd.Index([7, 8]))
    frame.to_csv(tmp_path / "rows.csv")
    frame[frame.x > 0].to_parquet(tmp_path / "rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        table = read_table(tmp_path / name)
        assert table.rows.column_names == ["x"]
        assert list(table.left_out.values()) == ["is an index"]


def test_dates_are_timestamps_with_or_without_a_zone(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n2024-01-01,2024-01-01T10:00:00+02:00\n,2024-01-02T10:00:00Z\n").rows
    assert [str(table[name].type) for name in ("a", "b")] == ["timestamp[us]", "timestamp[us, tz=UTC]"]
    assert table["a"].null_count == 1


def test_arrow_types_become_plain_ones_and_others_are_named(tmp_path: Path) -> None:
    path = tmp_path / "day=3" / "rows.parquet"
    path.parent.mkdir()
    columns = {
        "price": pa.array(["1.50", None]).cast(pa.decimal128(10, 2)),
        "plan": pa.array(["a", "b"]).dictionary_encode(),
        "size": pa.array([1, 2], pa.uint8()),
        "tags": pa.array([["a"], []]),
        "raw": pa.array([b"a", b"b"]),
    }
    pq.write_table(pa.table(columns), path)
    table = read_table(path)
    assert table.rows.to_pydict() == {"price": [1.5, None], "plan": ["a", "b"], "size": [1, 2]}
    assert table.left_out == {"tags": "holds list<element: string>", "raw": "holds binary"}


def test_booleans_in_the_language_of_excel_fit_a_column_of_booleans(tmp_path: Path) -> None:
    types = {"x": ColumnType("boolean")}
    assert read(tmp_path, "x,y\nFALSCH,a\n,b\n", types).rows["x"].to_pylist() == [False, None]
    assert pa.types.is_boolean(read(tmp_path, "x,y\n,a\n", types).rows["x"].type)


@pytest.mark.parametrize("imports", ["", "pandas, "])
def test_what_pandas_stores_as_a_count_of_months_is_left_out(imports: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"x": [1, 2], "month": pd.period_range("2024-01", periods=2, freq="M")}).to_parquet(path)
    program = f"import {imports}pathlib; from ml.tables.read import read_table; print(read_table(pathlib.Path({str(path)!r})).left_out)"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "pandas.period" in output


def test_text_and_booleans_of_arrow_extensions_are_read(tmp_path: Path) -> None:
    booleans = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8()))
    pq.write_table(pa.table({"x": booleans, "y": pa.array(["{}", None], pa.json_())}), tmp_path / "rows.parquet")
    assert read_table(tmp_path / "rows.parquet").rows.to_pydict() == {"x": [True, False], "y": ["{}", None]}


def test_a_file_without_any_column_to_use_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"tags": pa.array([["a"], []])}), tmp_path / "rows.parquet")
    with pytest.raises(InputError, match="no column holds numbers, strings, booleans or dates"):
        read_table(tmp_path / "rows.parquet")


def test_several_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    table = read(tmp_path, "x,y,,\n1,NA,,\n2,b,3,\n")
    assert table.rows.to_pydict() == {"x": [1, 2], "y": ["NA", "b"]}
    assert table.left_out == {"": "has no name"}


def test_a_comma_in_a_name_is_no_delimiter_beside_decimal_commas(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\ty\n1,5\t2\n2,5\t3\n").rows.to_pydict() == {"a,b": [1.5, 2.5], "y": [2, 3]}


@pytest.mark.parametrize(
    "content",
    [
        "x,y\r\n--,--\r\n1.5,a\r\n2.5,b\r\n\r\n(2 rows affected)\r\n",
        "x|y\n1.5|a\n2.5|b\n(2 rows)\n",
        '"x" "y"\n1.5 "a"\n2.5 "b"\n',
        "x,y\r\n1.5,a\r\n2.5,b\r\n\x1a",
    ],
)
def test_what_databases_and_r_print_around_a_table_is_none_of_its_rows(content: str, tmp_path: Path) -> None:
    assert read(tmp_path, content).rows.to_pydict() == {"x": [1.5, 2.5], "y": ["a", "b"]}


def test_a_row_of_dashes_for_missing_values_is_a_row(tmp_path: Path) -> None:
    assert read(tmp_path, "x,y\n-,-\n1,2\n").rows["x"].to_pylist() == [None, 1]


def test_an_index_that_pandas_saved_twice_is_left_out(tmp_path: Path) -> None:
    table = read(tmp_path, "Unnamed: 0.1,Unnamed: 0,x\n0,0,1\n1,1,2\n")
    assert (table.rows.column_names, list(table.left_out)) == (["x"], ["Unnamed: 0.1", "Unnamed: 0"])


@pytest.mark.parametrize(
    ("content", "cure"),
    [
        (b'{"x": 1}\n{"x": 2}\n', "holds JSON; save it as CSV or Parquet"),
        (b"PAR1\x15\x04", "is a Parquet file; let its name end with .parquet"),
        (b"<!DOCTYPE html><html>", "is an HTML page; save the table as CSV"),
    ],
)
def test_another_format_is_named_with_its_cure(content: bytes, cure: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"rows\.csv: {cure}$"):
        read(tmp_path, content)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "spark.csv").mkdir()
    with pytest.raises(InputError, match="is a folder; give one of its files"):
        read_table(tmp_path / "spark.csv")


@pytest.mark.parametrize(
    ("number", "value"), [("7300000000000000001", 7300000000000000001), ("1" + "0" * 30, "1" + "0" * 30)]
)
def test_integers_that_a_database_stores_as_decimals_keep_all_digits(
    number: str, value: object, tmp_path: Path
) -> None:
    ids = pa.array([Decimal(number)], pa.decimal128(38, 0))
    pq.write_table(pa.table({"id": ids}), tmp_path / "f.parquet")
    assert read_table(tmp_path / "f.parquet").rows["id"].to_pylist() == [value]
