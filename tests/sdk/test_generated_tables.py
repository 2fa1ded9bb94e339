"""Generated tables through the client: each row is stored with its values, or refused with an error that names its field."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_guard import MLGuardClient

from guard_core.settings import Settings
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from tests.support.generated_tables import (
    expected_values,
    generate_events,
    generate_table,
    stored_values,
    table_seeds,
    unacceptable_fields,
)
from tests.support.server import serving

KEY = "test-key"
LISTED_ERRORS = 100  # more rows in a request might be rejected without being listed
LONGEST_TEXT = Settings().ingest.max_value_length


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('serving') / 'guard.db'}")
    migrate(database)
    KeyStore(database).create("test", "admin", secret=KEY)
    yield database
    database.close()


@pytest.fixture(scope="module")
def client(database: Database) -> Iterator[MLGuardClient]:
    home = Path(database.url.database or "").parent
    with serving(home) as server, MLGuardClient(server.url, KEY) as client:
        client.create_project("flights")
        yield client


@pytest.mark.parametrize("seed", table_seeds())
def test_every_row_of_a_table_is_stored_or_refused_by_its_field(
    seed: int, client: MLGuardClient, database: Database
) -> None:
    rows = generate_events(generate_table(np.random.default_rng(seed)), f"t{seed}")
    sendable = [row for row in rows if not _unsendable_fields(row)]
    if len(sendable) < len(rows):
        first = next(index for index, row in enumerate(rows) if _unsendable_fields(row))
        with pytest.raises((TypeError, ValueError)) as caught:
            client.ingest_events(rows)
        places = tuple(f"rows[{first}].{field}: " for field in _unsendable_fields(rows[first]))
        assert str(caught.value).startswith(places)
        assert not stored_values(database, f"t{seed}")
    stored = {}
    for start in range(0, len(sendable), LISTED_ERRORS):
        batch = sendable[start : start + LISTED_ERRORS]
        result = client.ingest_events(batch)
        assert result.accepted + len(result.errors) == len(batch)
        problems = {error.index: error.field for error in result.errors}
        for index, row in enumerate(batch):
            assert problems.get(index, "") in (unacceptable_fields(row, LONGEST_TEXT) or {""}), row
            if index not in problems:
                stored[row["event_id"]] = expected_values(row)
    assert stored_values(database, f"t{seed}") == stored


def _unsendable_fields(row: dict[str, Any]) -> set[str]:
    """Return the fields whose values the client itself refuses: infinite numbers, and timestamps."""
    values = {"y_pred": row["y_pred"], **{f"features.{name}": value for name, value in row["features"].items()}}
    return {field for field, value in values.items() if _is_unsendable(value)}


def _is_unsendable(value: Any) -> bool:
    return (isinstance(value, float) and np.isinf(value)) or (isinstance(value, pd.Timestamp) and not pd.isna(value))
