"""Conditions that several tables or stores share: rows of a model, of its local day, of its instants; the newest rows.

Conditions on the columns of one domain belong to its store.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_


def of_model(table: Table, project_id: str, model_id: str) -> ColumnElement[bool]:
    """Select the rows of one model."""
    return and_(table.c.project_id == project_id, table.c.model_id == model_id)


def of_day(table: Table, project_id: str, model_id: str, day: str) -> ColumnElement[bool]:
    """Select the rows of one local day of a model."""
    return and_(of_model(table, project_id, model_id), table.c.day == day)


def of_instants(table: Table, project_id: str, model_id: str, bounds_us: tuple[int, int]) -> ColumnElement[bool]:
    """Select the rows of a model from the first instant up to the second, which is not among them."""
    start_us, end_us = bounds_us
    return and_(of_model(table, project_id, model_id), table.c.ts_us >= start_us, table.c.ts_us < end_us)


def newest_rows(statement: Select[Any], table: Table, instant: str, limit: int, project_id: str | None) -> Select[Any]:
    """Limit a statement to the newest rows, newest first; of one project, or of all."""
    if project_id is not None:
        statement = statement.where(table.c.project_id == project_id)
    return statement.order_by(table.c[instant].desc(), table.c.id).limit(limit)
