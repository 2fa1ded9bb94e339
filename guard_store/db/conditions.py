"""Conditions that most tables share: rows of a model, rows of a model's local day.

Conditions on the columns of one domain belong to its store.
"""

from sqlalchemy import ColumnElement, Table, and_


def of_model(table: Table, project_id: str, model_id: str) -> ColumnElement[bool]:
    """Select the rows of one model."""
    return and_(table.c.project_id == project_id, table.c.model_id == model_id)


def of_day(table: Table, project_id: str, model_id: str, day: str) -> ColumnElement[bool]:
    """Select the rows of one local day of a model."""
    return and_(of_model(table, project_id, model_id), table.c.day == day)
