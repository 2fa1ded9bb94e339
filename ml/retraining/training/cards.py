"""Model card and data card of a training, filled in from its run.

The templates are the two Markdown files beside this module; logging the cards does not belong here.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import LABEL, feature_column, feature_name
from ml.monitoring.performance.labels import count_keys, count_labels, label_key, spellings
from ml.retraining.predictor.schema import ModelSchema
from ml.retraining.training.features import targets
from ml.retraining.training.train import rare_label_reason


def model_card(schema: ModelSchema, evaluation: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Render the model card as Markdown: the model, its training and its quality.

    Parameters
    ----------
    evaluation : from `ml.retraining.training.evaluate.evaluate`.
    facts : `name`, `algorithm`, `flag`, `reasons`, `data_version`, `trained_from`, `trained_to`, `held_from`, `held_to`,
        `rows`, `held_rows`, `code_version`, `scores`, `threshold_reason`, `left_out`, `rare_labels`; for the data card,
        `repeats`; and those of `lake_facts` or `file_facts`.
    """
    ranked = sorted(evaluation["importance"].items(), key=lambda entry: -entry[1])
    values = {
        **_texts(facts),
        "task": _with_source(schema.task, "task", schema),
        "classes": ", ".join(schema.classes) or "none: it predicts a number",
        "positive": _with_source(schema.positive_label, "positive", schema) if schema.positive_label else "none",
        "threshold": _threshold(schema, facts["threshold_reason"]),
        "against": evaluation["against"],
        "decision": "promoted" if evaluation["promote"] else "not promoted",
        "decision_reasons": _list(evaluation["reasons"]),
        "metrics": _metrics(evaluation),
        "segments": _segments(evaluation),
        "importance": _table(("feature", "loss"), [(feature_name(n), f"{v:.4f}") for n, v in ranked]),
        "candidates": _table(("candidate", "score"), [(n, f"{v:.4f}") for n, v in facts["scores"].items()]),
    }
    return _template("model_card.md").substitute(values)


def data_card(schema: ModelSchema, trained_on: pa.Table, held_out: pa.Table, facts: Mapping[str, Any]) -> str:
    """Render the data card as Markdown: the rows of training and evaluation."""
    features = []
    for spec in schema.features:
        column = trained_on[feature_column(spec.name)]
        missing = column.null_count / max(len(column), 1)
        features.append((spec.name, spec.kind, f"{missing:.1%}", str(pc.count_distinct(column).as_py()), spec.typical))
    values = {
        **_texts(facts),
        "features": _table(("feature", "kind", "missing", "values", "typical"), features),
        "labels": _table(("label", "trained on", "held out"), _labels(schema, trained_on, held_out)),
    }
    return _template("data_card.md").substitute(values)


def lake_facts(flag_id: str) -> dict[str, str]:
    """Return the facts of rows from the lake, which are in the order of time."""
    return {
        "source": "labelled events from the lake",
        "held_order": "all of them later",
        "known": f"Only events and labels that had arrived when flag `{flag_id}` was raised were used.",
        "validated_on": "later rows",
    }


def file_facts(time: str | None) -> dict[str, str]:
    """Return the facts of rows from a file; without a column of time, no claim about time is made."""
    if time is None:
        held_order = "the last ones of the file; no column of time was named (`--time`), so they need not be later"
        validated_on = "rows further down in the file"
    else:
        held_order = f"all of them later or equal in column `{time}`"
        validated_on = "later rows"
    known = "When each row and its label became known is not recorded."
    return {
        "source": "labelled rows of a file",
        "held_order": held_order,
        "known": known,
        "validated_on": validated_on,
    }


def _template(name: str) -> Template:
    return Template((files(__package__) / name).read_text(encoding="utf-8"))


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    return {
        **{name: f"{value:,}" if isinstance(value, int) else str(value) for name, value in facts.items()},
        "reasons": _list(facts["reasons"]),
        "left_out": _list([f"{name}: {reason}" for name, reason in facts["left_out"].items()]),
        "rare_labels": _list([f"{label}: {rare_label_reason(rows)}" for label, rows in facts["rare_labels"].items()]),
    }


def _metrics(evaluation: Mapping[str, Any]) -> str:
    candidate, champion = evaluation["candidate"]["metrics"], evaluation["champion"]["metrics"]
    rows = [(name, _value(entry), _value(champion.get(name, {}))) for name, entry in candidate.items()]
    return _table(("metric", "this model", evaluation["against"]), rows)


def _value(entry: Mapping[str, Any]) -> str:
    if entry.get("value") is None:
        return "–"
    if entry.get("low") is None:
        return f"{entry['value']:.4f}"
    return f"{entry['value']:.4f} ({entry['low']:.4f} to {entry['high']:.4f})"


def _segments(evaluation: Mapping[str, Any]) -> str:
    rows = [(name, gain["n"], _value(gain)) for name, gain in evaluation["segments"].items()]
    return _table(("segment", "rows", "better by"), rows) if rows else "No segment has enough labelled rows."


def _labels(schema: ModelSchema, trained_on: pa.Table, held_out: pa.Table) -> list[tuple[Any, ...]]:
    if schema.task == "regression":
        numbers = (targets(table, schema.task) for table in (trained_on, held_out))
        return [("mean", *(f"{np.mean(values[np.isfinite(values)]):.4f}" for values in numbers))]
    spelt = [count_labels(table[LABEL].drop_null().to_pylist()) for table in (trained_on, held_out)]
    texts = spellings(spelt[0] + spelt[1]) | {str(label_key(label)): label for label in schema.classes}
    counts = [count_keys(labels) for labels in spelt]
    others = [label for label in texts.values() if label not in schema.classes]
    rows = [(label, *(f"{count[str(label_key(label))]:,}" for count in counts)) for label in (*schema.classes, *others)]
    return [(f"{row[0]} (left out)", *row[1:]) if row[0] in others else row for row in rows]


def _threshold(schema: ModelSchema, reason: str) -> str:
    if schema.task != "binary":
        return "none"
    return f"{schema.threshold:.4g}" + (f" ({reason})" if reason else "")


def _with_source(value: str, setting: str, schema: ModelSchema) -> str:
    return f"{value} (guessed; the setting labels.{setting} states it)" if setting in schema.guessed else value


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "- none"


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
