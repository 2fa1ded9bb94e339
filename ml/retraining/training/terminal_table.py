"""An evaluation as a table for a terminal.

Markdown does not belong here; it is in `cards.py`.
"""

from collections.abc import Mapping
from typing import Any


def metrics_table(evaluation: Mapping[str, Any]) -> str:
    """Format the metrics of both models with their 95 % intervals, and the decision with its reasons."""
    candidate, champion = evaluation["candidate"]["metrics"], evaluation["champion"]["metrics"]
    header = ("metric", "this model", evaluation["against"])
    rows = [header, *((name, _cell(entry), _cell(champion.get(name, {}))) for name, entry in candidate.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    guesses = [f"{name}: {value} (guessed; --{name} states it)" for name, value in _guesses(evaluation).items()]
    verdict = "better" if evaluation["promote"] else "not better"
    return "\n".join([*lines, "", *guesses, f"{verdict}: {'; '.join(evaluation['reasons'])}"])


def _guesses(evaluation: Mapping[str, Any]) -> dict[str, str]:
    values = {"task": evaluation["task"], "positive": evaluation["positive_label"]}
    return {name: values[name] for name in evaluation["guessed"]}


def _cell(entry: Mapping[str, Any]) -> str:
    if entry.get("value") is None:
        return "-"
    if entry.get("low") is None:
        return f"{entry['value']:.4f}"
    return f"{entry['value']:.4f} ({entry['low']:.4f} to {entry['high']:.4f})"
