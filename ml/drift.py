"""The drift check as a script: `python ml/drift.py --input new.csv --baseline old.csv`, exit 0 stable, 1 drift, 2 bad input, 3 a crash.

Arguments, output and the flag file belong here; verdicts do not, they are in `ml.monitoring.verdicts`, and neither does the HTML
report, which is in `ml.reports`.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

if not __package__:  # started by its path: sys.path[0] is then ml/ instead of the folder that holds it
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.drift_methods import CATEGORICAL_METHODS, METHODS, NUMERIC_METHODS
from ml.environment import set_library_defaults
from ml.monitoring.verdicts.report import ColumnVerdict, DriftReport
from ml.monitoring.verdicts.tables import TableComparison, compare_tables, left_out, shown_name
from ml.reports.document import write_page
from ml.reports.drift_page import drift_page
from ml.scripts import escape_controls, print_message, run
from ml.tables.read import InputError, read_table

EXIT_STABLE, EXIT_DRIFT, EXIT_BAD_INPUT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge one file against another and return the exit code."""
    set_library_defaults()
    options = _parser().parse_args(arguments)
    try:
        comparison = _compare(options)
        report = comparison.report
        if options.html:
            write_page(Path(options.html), drift_page(comparison))
        if options.flag and report.columns_in("drift"):
            _write_flag(Path(options.flag), options, report)
    except ValueError as error:
        print_message(f"drift: {error}")
        return EXIT_BAD_INPUT
    print(json.dumps(report.to_dict(), indent=2, allow_nan=False) if options.json else _table(report))
    if report.columns_in("drift"):
        return EXIT_DRIFT
    if mismatches := report.columns_in("kind_mismatch"):
        verdict = next(entry for entry in report.columns if entry.column == mismatches[0])
        print_message(f"drift: {options.input}: column {shown_name(mismatches[0])!r}: {verdict.reason}")
        return EXIT_BAD_INPUT
    return EXIT_STABLE


def _compare(options: argparse.Namespace) -> TableComparison:
    """Read both files, the new rows by the baseline's types, and judge them; print the columns that are left out."""
    settings = _settings(options)
    baseline = read_table(Path(options.baseline))
    current = read_table(Path(options.input), baseline.types)
    for name, file in ((options.baseline, baseline), (options.input, current)):
        if file.encoding_notice:
            print_message(f"drift: {name}: {file.encoding_notice}")
    for name, reason in left_out(baseline, current, options.ignore).items():
        print_message(f"drift: column {name!r} is left out: it {reason}")
    return compare_tables((options.baseline, baseline), (options.input, current), settings, options.ignore)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="drift",
        description="Judge whether new rows still look like a baseline. Exit code: 0 no drift, 1 drift, 2 bad input, 3 a crash.",
    )
    parser.add_argument("--input", required=True, metavar="FILE", help="new rows, .csv or .parquet")
    parser.add_argument("--baseline", required=True, metavar="FILE", help="rows of a stable period, .csv or .parquet")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON instead of a table")
    parser.add_argument(
        "--flag", metavar="PATH", help="write a retrain flag (JSON with reasons) there if there is drift"
    )
    parser.add_argument("--html", metavar="FILE", help="write a report for people there, one self-contained HTML file")
    parser.add_argument("--settings", metavar="FILE", help="drift settings as JSON, the fields of DriftSettings")
    parser.add_argument(
        "--method",
        action="append",
        default=[],
        choices=METHODS,
        help="decide by this statistic, for every kind of column it applies to; may be given twice",
    )
    parser.add_argument("--bins", type=int, metavar="N", help="bins of a numeric column")
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="COLUMN", help="leave a column out; may be given often"
    )
    return parser


def _settings(options: argparse.Namespace) -> DriftSettings:
    fields = _settings_file(Path(options.settings)) if options.settings else {}
    for method in options.method:
        if method in NUMERIC_METHODS:
            fields["numeric_method"] = method
        if method in CATEGORICAL_METHODS:
            fields["categorical_method"] = method
    if options.bins is not None:
        fields["bins"] = options.bins
    return DriftSettings.from_dict(fields)


def _settings_file(path: Path) -> dict[str, object]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}; give a readable JSON file") from error
    if not isinstance(fields, dict):
        raise InputError(f"{path}: must hold a JSON object with the fields of DriftSettings")
    return fields


def _write_flag(path: Path, options: argparse.Namespace, report: DriftReport) -> None:
    """Write the retrain flag atomically: a sensor may read it at any moment."""
    flag = {
        "retrain_recommended": True,
        "created_at": datetime.now(UTC).isoformat(),
        "input": options.input,
        "baseline": options.baseline,
        "reasons": [
            {"column": shown_name(v.column), "method": v.method, "effect": v.effect, "reason": v.reason}
            for v in report.columns
            if v.state == "drift"
        ],
    }
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(flag, file, indent=2, allow_nan=False)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise InputError(f"--flag {path}: {error.strerror}; give a path in a folder that can be written to") from error


def _table(report: DriftReport) -> str:
    header = ("column", "kind", "state", "method", "effect", "drift at", "adjusted p", "missing", "n", "m", "reason")
    rows = [header, *(_row(verdict) for verdict in report.columns)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    numbers = range(4, 10)
    lines = [
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    counts = ", ".join(f"{count} {state}" for state, count in report.summary.items() if count)
    return "\n".join([*lines, "", f"{report.state}: {counts}"])


def _row(verdict: ColumnVerdict) -> tuple[str, ...]:
    def number(value: float | None, pattern: str) -> str:
        return "-" if value is None else format(value, pattern)

    return (
        escape_controls(shown_name(verdict.column)),
        verdict.kind,
        verdict.state,
        verdict.method or "-",
        number(verdict.effect, ".4g"),
        number(verdict.drift_threshold, "g"),
        number(verdict.adjusted_p_value, ".2g"),
        number(verdict.missing_share, ".1%"),
        f"{verdict.n:,}",
        f"{verdict.m:,}",
        escape_controls(verdict.reason),
    )


if __name__ == "__main__":
    run(main)
