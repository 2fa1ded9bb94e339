"""Arrow results on both engines; on SQLite from a process of its own that may die."""

import gc
import warnings

import psutil
import pytest

from guard_store.db.arrow_reader import ArrowReader, ArrowReadError
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore

SELECT = "SELECT id, created_us FROM projects ORDER BY id"


@pytest.fixture
def filled(database: Database) -> Database:
    for name in "abcde":
        ProjectStore(database).create(name, name)
    return database


def ids(reader: ArrowReader, sql: str = SELECT) -> list[str]:
    return [value for batch in reader.batches(sql) for value in batch.column("id").to_pylist()]


def test_one_query_after_the_other_sees_what_is_committed(filled: Database) -> None:
    with ArrowReader(filled, batch_rows=2) as reader:
        assert ids(reader) == list("abcde")
        ProjectStore(filled).create("f", "F")
        assert ids(reader) == list("abcdef")
        assert ids(reader, f"{SELECT} LIMIT 0") == []


def test_an_answer_that_is_not_read_to_its_end_does_not_disturb_the_next(filled: Database) -> None:
    with ArrowReader(filled, batch_rows=2) as reader:
        for batch in reader.batches(SELECT):
            assert batch.num_rows
            break
        assert ids(reader) == list("abcde")


def test_a_refused_query_says_why_and_the_next_one_works(filled: Database) -> None:
    with ArrowReader(filled, batch_rows=2) as reader:
        with pytest.raises(Exception, match=r"no such table: missing_table|relation .missing_table. does not exist"):
            ids(reader, "SELECT id FROM missing_table")
        assert ids(reader) == list("abcde")


def test_a_killed_process_is_an_error_and_not_a_short_answer(filled: Database) -> None:
    if not filled.is_sqlite:
        pytest.skip("PostgreSQL is read in this process")
    with ArrowReader(filled, batch_rows=1) as reader:
        assert ids(reader)
        assert reader._process is not None
        reader._process.kill()
        with pytest.raises(ArrowReadError):
            ids(reader)
        assert ids(reader) == list("abcde")


def test_a_result_that_is_half_read_when_the_reader_closes_leaves_no_process(filled: Database) -> None:
    """An error of the consumer keeps the result alive in its traceback, until the garbage collector comes by."""
    before = psutil.Process().children()
    with ArrowReader(filled, batch_rows=1) as reader:
        assert ids(reader)
        half_read = reader.batches(SELECT)
        assert next(half_read).num_rows
    assert psutil.Process().children() == before
    assert list(half_read) == []


def test_the_garbage_collector_finds_no_running_process_of_a_result_that_was_given_up(filled: Database) -> None:
    """An error that keeps its own traceback is a cycle, which holds the half-read result while the reader goes on."""

    def give_up(reader: ArrowReader) -> None:
        result = reader.batches(SELECT)
        try:
            int(next(result).column("id")[0].as_py())
        except ValueError as error:
            error.cycle = error  # type: ignore[attr-defined]

    with ArrowReader(filled, batch_rows=1) as reader, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert ids(reader)  # the process is older than the result, so the collector would come to it first
        give_up(reader)
        gc.collect()
        assert [str(warning.message) for warning in caught if warning.category is ResourceWarning] == []
        assert ids(reader) == list("abcde")
