"""What can be wrong with a stored model. Problems of a caller's row are values (FieldProblem), not errors."""

_MAX_CHARACTERS = 300


class ModelError(Exception):
    """A stored model cannot be used."""


class CorruptModelError(ModelError):
    """A file of the model is missing or cannot be read."""


class SchemaMismatchError(ModelError):
    """The model's inputs or outputs are not those that its schema says."""


class UnsafeModelError(ModelError):
    """Loading the model would run code that nobody has vouched for."""


def briefly(error: Exception) -> str:
    """The first line of a library's message, cut: some of them print whole files."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:_MAX_CHARACTERS]
