"""Errors of stored models.

Problems of a caller's row do not belong here: they are values (`schema.FieldProblem`), not errors.
"""

_MAX_CHARACTERS = 300


class ModelError(Exception):
    """A stored model cannot be used."""


class CorruptModelError(ModelError):
    """A file of the model is missing or cannot be read."""


class SchemaMismatchError(ModelError):
    """The model's inputs or outputs differ from its schema."""


class UnsafeModelError(ModelError):
    """Loading the model would run code that is not trusted."""


def briefly(error: Exception) -> str:
    """Return the first line of a library's message, truncated: some of them contain whole files."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:_MAX_CHARACTERS]
