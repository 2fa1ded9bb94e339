"""What a server finds when it starts: a knowledge base, registered models, and a project with something of everything in it."""

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from sqlalchemy import and_, update

from guard_core.settings import Settings
from guard_core.units import NANO
from guard_store.auth.store import KeyStore
from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.labels import LabelStore
from guard_store.monitoring.aggregates import AggregateStore, Slice
from guard_store.projects.store import ProjectStore
from guard_store.spending.budgets import BudgetStore
from ml.monitoring.day_metrics import day_metrics
from ml.monitoring.profiles.build import profile_table
from tests.serving.predict.registered import MODEL_ID, register
from tests.support.alert_facts import Facts
from tests.support.sample_knowledge import store_sample
from tests.support.settings import settings_of
from tests.support.stored_events import event, store, store_labels

PROJECT = "flights"
WATCHED = "watched"
"""A model with profiled days, an alert and nothing that is sent."""
PILOT = "pilot"
"""A model with two versions that nobody asks for predictions."""
WATCHED_DAYS = [(date(2013, 1, 1) + timedelta(days=n)).isoformat() for n in range(3)]
_ROWS = 30


@dataclass(frozen=True)
class Home:
    """A home folder, its database, and the key that everything is sent with."""

    settings: Settings
    database: Database
    key_id: str
    secret: str


def make_template(folder: Path) -> Path:
    """Make what all homes have in common: the lake and the registry."""
    settings = settings_of(home=folder)
    store_sample(settings)
    register(settings, PROJECT, model_id=MODEL_ID)
    register(settings, PROJECT, model_id=PILOT)
    register(settings, PROJECT, model_id=PILOT, champion=False)
    return folder


def make_home(template: Path, folder: Path, database_url: str) -> Home:
    """Make a home with a database on that engine."""
    shutil.copytree(template, folder)
    settings = settings_of(home=folder, database_url=database_url)
    database = Database(settings.storage.database)
    migrate(database)
    ProjectStore(database).create(
        PROJECT, "Flights", "America/New_York", {"training": {"min_rows": _ROWS, "window_days": 36_500}}
    )
    key, secret = KeyStore(database).create("client", "admin", None)
    for scope, scope_id in (("project", PROJECT), ("key", key.id)):
        for measure in ("cost_usd", "tokens", "requests"):
            BudgetStore(database).put(scope, scope_id, measure, "total", soft=None, hard=10**6 * NANO)  # type: ignore[arg-type]
    _profile_days(database)
    facts = Facts(database)
    facts.drift(WATCHED_DAYS[0], model=WATCHED)
    facts.fold()
    return Home(settings, database, key.id, secret)


def _profile_days(database: Database) -> None:
    rows = [event(PROJECT, WATCHED, f"{day}T17:00:00Z", {"age": n}) for day in WATCHED_DAYS for n in range(_ROWS)]
    store(database, rows)
    truths = {row.event_id: 1 for row in rows}  # a training is not forced without labels
    store_labels(database, PROJECT, truths, observed_at="2013-01-10T00:00:00+00:00")
    LabelStore(database).count_on_days()
    table = pa.table({"y_pred": ["1"] * _ROWS, "feature_age": np.arange(_ROWS) * 1.0, "latency_ms": [5.0] * _ROWS})
    profile = profile_table(table, {"y_pred": "categorical", "feature_age": "numeric"})["", ""]
    for day in WATCHED_DAYS:
        whole = Slice("", "", _ROWS, day_metrics(profile), profile.to_bytes())
        AggregateStore(database).replace_day(PROJECT, WATCHED, day, [whole], lake_version=1, revision=1, run_id="run")
    revision = day_states.c.revision
    with database.write() as connection:
        of_model = and_(day_states.c.project_id == PROJECT, day_states.c.model_id == WATCHED)
        connection.execute(update(day_states).where(of_model).values(lake_revision=revision, profile_revision=revision))
