"""Compressed events: rows of both kinds are read, and the dictionary stays the one that stored rows need."""

from hashlib import sha256

import dagster as dg
from dagster import DagsterInstance
from sqlalchemy import text

from guard_pipelines.runtime import compressed_events
from guard_pipelines.runtime.event_log import BatchedSqliteEventLogStorage


def test_events_that_were_stored_as_text_are_read_as_well(kept_instance: DagsterInstance) -> None:
    storage = kept_instance.event_log_storage
    assert isinstance(storage, BatchedSqliteEventLogStorage)
    keys = [dg.AssetKey("compressed"), dg.AssetKey("plain")]
    for key in keys:
        kept_instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata={"text": "zażółć \u2028"}))
    with storage.index_connection() as connection:
        rows = connection.execute(text("SELECT id, event FROM event_logs ORDER BY id")).all()
        assert [type(event) for _, event in rows] == [bytes, bytes]
        plain = compressed_events.decompress(rows[1].event)
        connection.execute(
            text("UPDATE event_logs SET event = :plain WHERE id = :id"), {"plain": plain, "id": rows[1].id}
        )
    for key in keys:
        event = kept_instance.get_latest_materialization_event(key)
        assert event is not None
        assert event.asset_materialization is not None
        assert event.asset_materialization.metadata["text"].value == "zażółć \u2028"


def test_the_dictionary_of_stored_rows_has_not_changed() -> None:
    assert sha256(compressed_events._DICTIONARY).hexdigest()[:16] == "7a1b8f71d73fa1ff"
