"""A generated store for the benchmark of the pages: projects, models, and a year of results of every kind.

One model's days are computed by the code of the pipelines; the other models have the same days in another order. Rows are inserted
table by table in bulk. There are no events, no labels, and no profiles of slices: no page reads them.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import chain, product
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, Table, update

from guard_core.columns import Kind
from guard_core.units import DAY_US, NANO
from guard_store.alerts.tables import alert_events, alert_history, alert_messages, alerts, incidents
from guard_store.costs.tables import cost_pulls, costs
from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.tables import rejections
from guard_store.ledger.entry import GENESIS, Entry, chain_entry, row_values
from guard_store.ledger.tables import ledger
from guard_store.monitoring.tables import (
    aggregates,
    baselines,
    drift_reports,
    feature_kinds,
    performance,
    performance_references,
)
from guard_store.projects.store import ProjectStore
from guard_store.retraining.registry import Registry
from guard_store.retraining.tables import model_decisions, retrain_evaluations, retrain_flags, training_runs
from guard_store.spending.tables import USAGE_KEY, usage, usage_latencies
from ml.monitoring.day_metrics import day_metrics
from ml.monitoring.profiles.build import profile_table
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import BaselineDays
from ml.monitoring.verdicts.judge import judge

PROJECTS, MODELS, DAYS = 10, 5, 365
ROWS_A_DAY, BASELINE_DAYS, VERSIONS = 800, 28, 12
LEDGER_ROWS = 200_000
NUMERIC, CATEGORICAL = 12, 5
SLICES = (("", ""), ("endpoint", "predict"), ("model_version", "1"), ("segment", "north"))
METRICS = tuple(
    "accuracy balanced_accuracy precision recall f1 roc_auc pr_auc log_loss brier calibration_error".split()  # noqa: SIM905
)
KINDS: Mapping[str, Kind] = {
    **{f"feature_number_{number}": "numeric" for number in range(NUMERIC)},
    **{f"feature_label_{number}": "categorical" for number in range(CATEGORICAL)},
    "y_pred": "categorical",
    "y_proba": "numeric",
    "latency_ms": "numeric",
}
_UNLABELLED_DAYS = 3
_RUN = "run"
_SERVICES = ("Amazon EC2", "Amazon S3", "Amazon SageMaker", "AWS Lambda", "Amazon RDS", "AWS Data Transfer")
_LANGUAGE_MODELS = ("large", "small")
_ALERTS = (("performance", "error"), ("drift", "warning"), ("retrain_recommended", "info"), ("retrain_started", "info"))

Row = Mapping[str, Any]
_encode = msgspec.json.Encoder(order="sorted").encode


def generate(home: Path) -> Database:
    """Fill the embedded database of a home folder, and the registry with the versions of the first model."""
    database = Database(f"sqlite:///{home / 'guard.db'}")
    migrate(database)
    store = _GeneratedStore()
    for project_id in project_ids():
        ProjectStore(database).create(project_id, project_id)
    with database.write() as connection:
        for table, rows in store.rows():
            _insert(connection, table, rows)
    _register_versions(home)
    return database


def project_ids() -> list[str]:
    """Return the ids of the projects."""
    return [f"project-{number}" for number in range(PROJECTS)]


def newest_day() -> date:
    """Return the newest day of all models: yesterday."""
    return datetime.now(UTC).date() - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Template:
    """A day's results, the values of JSON columns as text."""

    rows: int
    metrics: str
    profile: bytes
    state: str
    report: str
    window_days: int


class _GeneratedStore:
    """Makes the rows of each table."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)
        newest = newest_day()
        self._days = [newest - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
        self._models = [(project, f"model-{number}") for project in project_ids() for number in range(MODELS)]
        self._reference = self._profile(0, rows=BASELINE_DAYS * ROWS_A_DAY)

    def rows(self) -> Iterator[tuple[Table, Iterable[Row]]]:
        """Return the rows by table, in an order that keeps foreign keys."""
        yield baselines, self._each_model(self._baselines)
        yield performance_references, self._each_model(self._references)
        yield feature_kinds, self._each_model(self._kinds)
        yield day_states, self._each_day(self._day_state)
        yield drift_reports, self._each_day(self._report)
        yield aggregates, self._each_slice(self._aggregate)
        yield performance, self._each_slice(self._performance)
        yield rejections, self._each_day(self._rejection)
        yield retrain_flags, self._each_version(self._flag)
        yield training_runs, self._each_version(self._training)
        yield retrain_evaluations, self._each_version(self._evaluation)
        yield model_decisions, self._each_version(self._decision)
        yield incidents, self._each_version(self._incident)
        yield alerts, self._each_alert(self._alert)
        yield alert_history, chain.from_iterable(self._each_alert(self._history))
        yield alert_events, self._each_alert(self._fact)
        yield alert_messages, chain.from_iterable(self._each_version(self._messages))
        yield usage, self._usage()
        yield usage_latencies, self._usage_latencies()
        yield cost_pulls, self._pulls()
        yield costs, self._costs()
        yield ledger, self._ledger()

    def _each_model(self, rows_of: Any) -> Iterator[Row]:
        for key in self._models:
            yield from rows_of({"project_id": key[0], "model_id": key[1]})

    def _each_day(self, row_of: Any) -> Iterator[Row]:
        for number, key in enumerate(self._models):
            for index, day in enumerate(self._days):
                template = self._templates[(index + 7 * number) % DAYS]
                yield row_of({"project_id": key[0], "model_id": key[1], "day": day.isoformat()}, index, template)

    def _each_slice(self, row_of: Any) -> Iterator[Row]:
        for dimension, value in SLICES:
            yield from self._each_day(
                lambda key, *day, of={"dimension": dimension, "value": value}: row_of(key | of, *day)
            )

    def _each_version(self, row_of: Any) -> Iterator[Any]:
        for project_id, model_id in self._models:
            for version in range(1, VERSIONS + 1):
                day = self._days[version * DAYS // VERSIONS - 1]
                yield row_of({"project_id": project_id, "model_id": model_id}, version, day)

    def _each_alert(self, row_of: Any) -> Iterator[Any]:
        for kind, severity in _ALERTS:
            yield from self._each_version(lambda key, *of, about=(kind, severity): row_of(key, *of, *about))

    @cached_property
    def _templates(self) -> Sequence[_Template]:
        profiles = [self._profile(number) for number in range(DAYS)]
        effects = {column: 40.0 for column in KINDS if column.endswith(("_1", "_3", "_5"))}

        def template(number: int) -> _Template:
            report = judge(
                lambda days: profiles[max(0, number + 1 - days) : number + 1],
                self._reference,
                baseline=BaselineDays(effects),
            )
            return _Template(
                profiles[number].rows,
                _json(day_metrics(profiles[number])),
                profiles[number].to_bytes(),
                report.state,
                _json(report.to_dict()),
                max((verdict.window_days or 1 for verdict in report.columns), default=1),
            )

        return [template(number) for number in range(DAYS)]

    def _profile(self, number: int, rows: int = ROWS_A_DAY) -> TableProfile:
        """Return the profile of a day: some columns move over the year, one loses values."""
        random, season = self._random, np.sin(2 * np.pi * number / DAYS)
        columns: dict[str, Any] = {}
        for index in range(NUMERIC):
            values = random.normal(season * (index % 4) * 0.3, 1.0, rows)
            values[random.random(rows) < 0.02 * index * abs(season)] = np.nan
            columns[f"feature_number_{index}"] = values.round(1)
        for index in range(CATEGORICAL):
            names = np.array([f"value_{name}" for name in range(10 + index)])
            weights = np.exp(-np.arange(len(names)) * (0.3 + 0.1 * index * season))
            columns[f"feature_label_{index}"] = random.choice(names, rows, p=weights / weights.sum())
        scores = random.beta(2, 5 + season, rows)
        columns |= {
            "y_pred": (scores > 0.4).astype(int).astype(str),
            "y_proba": scores.round(3),
            "latency_ms": random.gamma(4, 10, rows).round(),
        }
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        return profile_table(table, KINDS)["", ""]

    def _measured(self, rows: int) -> dict[str, Any]:
        values = self._random.uniform(0.6, 0.9, len(METRICS)).tolist()
        metrics = {
            name: {"value": value, "low": value - 0.03, "high": value + 0.03, "n": rows, "reason": None}
            for name, value in zip(METRICS, values, strict=True)
        }
        return {"task": "binary", "n": rows, "metrics": metrics}

    def _baselines(self, key: Row) -> Iterator[Row]:
        for version in range(1, VERSIONS + 1):
            end = self._days[version * DAYS // VERSIONS - 1]
            yield {
                "id": _id("baseline", key, version),
                **key,
                "version": version,
                "start_day": (end - timedelta(days=BASELINE_DAYS - 1)).isoformat(),
                "end_day": end.isoformat(),
                "rows": BASELINE_DAYS * ROWS_A_DAY,
                "sha256": "0" * 64,
                "profile": self._reference_bytes,
                "design_effects": "{}",
                "active": version == VERSIONS - 1,
                "from_day": None if version == 1 else (end + timedelta(days=1)).isoformat(),
                "previous_id": None if version == 1 else _id("baseline", key, version - 1),
                "created_us": _us(end),
            }

    @cached_property
    def _reference_bytes(self) -> bytes:
        return self._reference.to_bytes()

    def _references(self, key: Row) -> Iterator[Row]:
        points = np.linspace(0, 1, 200).tolist()
        calibrator = {"x": points, "y": points, "grid": points[::8], "replicas": [points[::8]] * 50}
        for version in range(1, VERSIONS + 1):
            measured = self._measured(5_000)
            yield {
                "baseline_id": _id("baseline", key, version),
                "labelled": 5_000,
                "reference": _json({**measured, "positive": "1", "calibrator": calibrator, "errors": None}),
                "computed_us": _us(self._days[-1]),
            }

    def _kinds(self, key: Row) -> Iterator[Row]:
        for column, kind in KINDS.items():
            yield {**key, "feature": column, "kind": kind, "source": "learned", "updated_us": 0}

    def _day_state(self, key: Row, index: int, template: _Template) -> Row:
        stages = ("lake", "profile", "drift", "performance", "retrain")
        labels = 0 if index >= DAYS - _UNLABELLED_DAYS else template.rows - 20
        return {
            **key,
            "events": template.rows,
            "late": 0,
            "duplicates": 0,
            "labels": labels,
            "revision": 2,
            "changes": 2,
            **{f"{stage}_revision": 2 for stage in stages},
            "attempts": 0,
            "changed_us": _us(self._days[index]),
        }

    def _report(self, key: Row, index: int, template: _Template) -> Row:
        return {
            **key,
            "state": template.state,
            "baseline_id": _id("baseline", key, 1 + min(VERSIONS - 2, index * VERSIONS // DAYS)),
            "window_days": template.window_days,
            "report": template.report,
            **self._computed(index),
        }

    def _aggregate(self, key: Row, index: int, template: _Template) -> Row:
        return {
            **key,
            "rows": template.rows,
            "metrics": template.metrics,
            "profile": b"" if key["dimension"] else template.profile,
            "lake_version": 1,
            **self._computed(index),
        }

    def _performance(self, key: Row, index: int, template: _Template) -> Row:
        is_labelled = index < DAYS - _UNLABELLED_DAYS
        report = {
            "realised": self._measured(template.rows - 20) if is_labelled else None,
            "estimated": {**self._measured(template.rows), "method": "cbpe"},
            "check": None,
        }
        return {
            **key,
            "task": "binary",
            "events": template.rows,
            "labelled": template.rows - 20 if is_labelled else 0,
            "report": _json(report),
            "baseline_id": _id("baseline", key, 1 + min(VERSIONS - 2, index * VERSIONS // DAYS)),
            "lake_version": 1,
            **self._computed(index),
        }

    def _computed(self, index: int) -> Row:
        return {"revision": 2, "run_id": _RUN, "computed_us": _us(self._days[index]) + DAY_US}

    def _rejection(self, key: Row, index: int, _template: _Template) -> Row:
        return {**key, "field": f"number_{index % NUMERIC}", "count": 1 + index % 7}

    def _flag(self, key: Row, version: int, day: date) -> Row:
        return {
            "id": _id("flag", key, version),
            **key,
            "day": day.isoformat(),
            "as_of_us": _us(day),
            "state": "done",
            "reasons": _json([{"rule": "age", "age_days": 40, "max_age_days": 30}]),
            "forced": False,
            "created_us": _us(day),
            "attempts": 0,
            "due_us": _us(day),
            "changed_us": _us(day),
        }

    def _training(self, key: Row, version: int, day: date) -> Row:
        importance = {
            column: float(value) for column, value in zip(KINDS, self._random.random(len(KINDS)), strict=True)
        }
        evaluation = {
            "promote": version % 2 == 1,
            "reasons": ["ROC AUC is better by 0.04 (95 % interval 0.03 to 0.05)"],
            "metric": "roc_auc",
            "task": "binary",
            "candidate": self._measured(5_000),
            "champion": self._measured(5_000),
            "gain": {"value": 0.04, "low": 0.03, "high": 0.05},
            "segments": {},
            "against": "champion",
            "champion_version": str(max(1, version - 1)),
            "importance": importance,
        }
        held_day = day - timedelta(days=6)
        data = {
            "lake_version": 1,
            "as_of_us": _us(day),
            "split_us": _us(held_day),
            "first_day": self._days[0].isoformat(),
            "last_day": (held_day - timedelta(days=1)).isoformat(),
            "held_first_day": held_day.isoformat(),
            "held_last_day": day.isoformat(),
            "baseline_first_day": (day - timedelta(days=BASELINE_DAYS - 1)).isoformat(),
            "rows": 100_000,
            "held_rows": 5_000,
            "sha256": "0" * 64,
        }
        return {
            "flag_id": _id("flag", key, version),
            **key,
            "state": "registered",
            "mlflow_run_id": _id("mlflow", key, version),
            "model_version": str(version),
            "data": _json(data),
            "evaluation": _json(evaluation),
            "baseline_id": _id("baseline", key, version),
            "created_us": _us(day),
            "changed_us": _us(day),
        }

    def _evaluation(self, key: Row, version: int, day: date) -> Row:
        flag_id = _id("flag", key, version)
        result = {"recommended": True, "reasons": [{"rule": "age", "age_days": 40, "max_age_days": 30}], "against": []}
        row = {"recommended": True, "result": _json(result), "flag_id": flag_id, "computed_us": _us(day)}
        return {**key, "day": day.isoformat(), **row}

    def _decision(self, key: Row, version: int, day: date) -> Row:
        return {
            "id": _id("decision", key, version),
            **key,
            "action": "promoted" if version % 2 else "rejected",
            "version": str(version),
            "champion_before": str(max(1, version - 1)),
            "reason": "ROC AUC is better by 0.04 (95 % interval 0.03 to 0.05)",
            "details": _json({"flag_id": _id("flag", key, version)}),
            "decided_us": _us(day),
        }

    def _incident(self, key: Row, version: int, day: date) -> Row:
        is_open = _is_open(key, version)
        return {
            "id": _id("incident", key, version),
            **key,
            "state": "open" if is_open else "resolved",
            "thread": f"[ERROR] {key['project_id']}/{key['model_id']}: performance, drift, retraining recommended",
            "messages": 3,
            "opened_us": _us(day),
            "resolved_us": None if is_open else _us(day) + 3 * DAY_US,
        }

    def _alert(self, key: Row, version: int, day: date, kind: str, severity: str) -> Row:
        is_open = _is_open(key, version)
        return {
            "id": _id(kind, key, version),
            "incident_id": _id("incident", key, version),
            **key,
            "subject": f"{kind}/{version}",
            "kind": kind,
            "severity": severity,
            "state": "open" if is_open else "resolved",
            "summary": "Realised ROC AUC is 0.621, 0.776 in the baseline, on 3 of the last 3 judged days.",
            "details": _json({"run_id": _RUN, "links": {"Run in Dagster": "http://127.0.0.1:3000/runs/run"}}),
            "day": day.isoformat(),
            "since_day": (day - timedelta(days=2)).isoformat(),
            "value": 0.6,
            "routes": '["file"]',
            "opened_us": _us(day),
            "changed_us": _us(day),
            "resolved_us": None if is_open else _us(day) + 3 * DAY_US,
        }

    def _history(self, key: Row, version: int, day: date, kind: str, _severity: str) -> list[Row]:
        actions = ("opened", "updated", "noted", *(() if _is_open(key, version) else ("resolved",)))
        return [
            {
                "alert_id": _id(kind, key, version),
                "at_us": _us(day) + place * DAY_US // 4,
                "action": action,
                "text": "Realised ROC AUC is 0.621, 0.776 in the baseline, on 3 of the last 3 judged days.",
                "day": day.isoformat(),
                "announced": True,
            }
            for place, action in enumerate(actions)
        ]

    def _fact(self, key: Row, version: int, day: date, kind: str, severity: str) -> Row:
        return {
            "id": _id(f"fact {kind}", key, version),
            **key,
            "kind": kind,
            "dedup_key": _id(f"fact {kind}", key, version),
            "severity": severity,
            "message": "Realised ROC AUC is 0.621, 0.776 in the baseline.",
            "details": "{}",
            "created_us": _us(day),
            "op": "fires",
            "folded_us": _us(day),
        }

    def _messages(self, key: Row, version: int, day: date) -> list[Row]:
        incident_id, title = (
            _id("incident", key, version),
            f"[ERROR] {key['project_id']}/{key['model_id']}: performance",
        )
        body = "New (error): Realised ROC AUC is 0.621, 0.776 in the baseline, on 3 of the last 3 judged days.\n" * 8
        payload = _json({"incident_id": incident_id, "thread": title, "changes": [{"text": body}] * 3})
        return [
            {
                "id": _id(f"message {seq}", key, version),
                "incident_id": incident_id,
                "route": "file",
                "seq": seq,
                "title": title,
                "body": body,
                "payload": payload,
                "created_us": _us(day) + seq,
                "due_us": _us(day) + seq,
                "state": "sent",
                "attempts": 1,
                "newest_attempts": "[]",
                "sent_us": _us(day) + seq,
            }
            for seq in range(1, 4)
        ]

    def _usage(self) -> Iterator[Row]:
        days = [*self._days, self._days[-1] + timedelta(days=1)]
        for day, project_id, user, model in product(days, project_ids(), ("ann", "ben", "cleo"), _LANGUAGE_MODELS):
            requests = int(self._random.integers(5, 200))
            yield {
                "day": day.isoformat(),
                "project_id": project_id,
                "key_id": "key",
                "end_user": user,
                "model": model,
                "requests": requests,
                "tokens_in": requests * 900,
                "tokens_cached": requests * 100,
                "tokens_out": requests * 250,
                "tokens_reasoning": 0,
                "cost_nano_usd": requests * NANO // 500,
                "unpriced": 0,
                "estimated": 0,
            }

    def _usage_latencies(self) -> Iterator[Row]:
        for row in self._usage():
            for bucket in range(28, 46, 2):  # 0.1 to 2 seconds
                yield {name: row[name] for name in USAGE_KEY} | {"bucket": bucket, "calls": row["requests"] // 9}

    def _pulls(self) -> Iterator[Row]:
        for day, project_id, source in product(self._days, project_ids(), ("aws", "llm")):
            yield {
                "project_id": project_id,
                "day": day.isoformat(),
                "source": source,
                "state": "ok",
                "basis": "utc_day",
                "estimated": False,
                "pulled_us": _us(day) + DAY_US,
                "tried_us": _us(day) + DAY_US,
            }

    def _costs(self) -> Iterator[Row]:
        services = [("aws", name, "bench") for name in _SERVICES] + [
            ("llm", "gateway", name) for name in _LANGUAGE_MODELS
        ]
        for day, project_id, (source, service, label) in product(self._days, project_ids(), services):
            amount = f"{self._random.gamma(20, 0.5):.6f}"
            key = {"project_id": project_id, "day": day.isoformat(), "source": source}
            line = {"service": service, "label": label, "currency": "USD", "unblended": amount, "amortised": amount}
            yield {**key, **line}

    def _ledger(self) -> Iterator[Row]:
        start, step = _us(self._days[0]), DAYS * DAY_US // LEDGER_ROWS
        previous = GENESIS
        for number in range(LEDGER_ROWS):
            is_call = number % 3 == 0
            entry = Entry(
                at_us=start + number * step,
                route="/v1/chat/completions" if is_call else "/api/v1/projects/{project_id}/models/{model_id}/series",
                method="POST" if is_call else "GET",
                status=200,
                request_id=f"request-{number}",
                key_id="key",
                role="analyst",
                project_id=f"project-{number % PROJECTS}",
                end_user="ann" if is_call else None,
                model="large" if is_call else None,
                tokens_in=900 if is_call else None,
                tokens_out=250 if is_call else None,
                cost_nano_usd=NANO // 500 if is_call else None,
                compliance_flag=number % 300 == 0,
                flags="email" if number % 300 == 0 else "",
                response_hash="0" * 64,
            )
            row = chain_entry(entry, number + 1, previous)
            previous = row.hash
            yield dict(zip(_LEDGER_COLUMNS, row_values(row), strict=True))


_LEDGER_COLUMNS = ("seq", *Entry.__struct_fields__, "prev_hash", "hash", "hash_version")


def _insert(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Insert rows that all have the columns of the first; JSON is text already."""
    iterator = iter(rows)
    while piece := [row for _, row in zip(range(1_000), iterator, strict=False)]:
        names = tuple(piece[0])
        marks = ", ".join("?" * len(names))
        columns = ", ".join(f'"{name}"' for name in names)
        statement = f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})'  # noqa: S608 - our own names
        connection.exec_driver_sql(statement, [tuple(row.values()) for row in piece])


def _register_versions(home: Path) -> None:
    """Register the versions of the first model; each has a run without files."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{home / 'mlflow.db'}"
    client, registry = MlflowClient(uri), Registry(uri)
    project_id, model_id = "project-0", "model-0"
    key = {"project_id": project_id, "model_id": model_id}
    experiment = client.create_experiment(project_id, artifact_location=(home / "mlflow").as_uri())
    with Database(f"sqlite:///{home / 'guard.db'}").write() as connection:
        for version in range(1, VERSIONS + 1):
            flag_id, run_id = _id("flag", key, version), client.create_run(experiment).info.run_id
            registry.register(project_id, model_id, run_id, artifact="model", flag_id=flag_id)
            of_flag = training_runs.c.flag_id == flag_id
            connection.execute(update(training_runs).where(of_flag).values(mlflow_run_id=run_id))


def incident_id(project_id: str, model_id: str, number: int) -> str:
    """Return the id of a model's n-th incident, counted from 1."""
    return _id("incident", {"project_id": project_id, "model_id": model_id}, number)


def _is_open(key: Row, version: int) -> bool:
    return version == VERSIONS and int(key["model_id"][-1]) % 2 == 0


def _id(kind: str, key: Row, number: int) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}/{key['project_id']}/{key['model_id']}/{number}").hex


def _us(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_US


def _json(value: Any) -> str:
    return _encode(value).decode()
