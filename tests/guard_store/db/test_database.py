"""The door to the database: what becomes of its connections."""

import sqlite3

import psycopg
import pytest
from sqlalchemy import text

from guard_store.db.database import Database


def test_a_connection_in_use_while_the_database_closes_is_closed_when_it_comes_back(database: Database) -> None:
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
        driver = connection.connection.driver_connection
        database.close()
    assert driver is not None
    with pytest.raises((psycopg.Error, sqlite3.Error), match="closed"):
        driver.cursor()
