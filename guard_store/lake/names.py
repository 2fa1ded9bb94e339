"""Names under which a table of the lake stores columns, so that no two differ in letter case or Unicode form alone.

Delta and SQL engines compare column names without letter case, events with it: `Age` and `age` are two features.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable

from guard_core.columns import FEATURE_PREFIX

_ESCAPED_PREFIX = "feature~"  # no column has it: those of features begin with `feature_`
_UNSAFE = re.compile(r"[^a-z0-9_.-]")
_ESCAPE = re.compile(rb"~([0-9a-f]{2})")


def assign_names(stored: Iterable[str], columns: Iterable[str]) -> dict[str, str]:
    """Return the stored name by column: its own name, or an escaped one where the own would be ambiguous.

    Parameters
    ----------
    stored : names that the table has; a column stays where it is.
    columns : the columns to store.

    Examples
    --------
    >>> assign_names(["feature_age"], ["feature_age", "feature_Age", "feature_Income"])
    {'feature_age': 'feature_age', 'feature_Age': 'feature~~41ge', 'feature_Income': 'feature_Income'}
    """
    names = set(stored)
    folded = {_fold(name) for name in names}
    assigned = {}
    for column in columns:
        name = stored_name(names, column)
        if name not in names and _is_assigned(column) and _fold(column) not in folded:
            name = column
        assigned[column] = name
        names.add(name)
        folded.add(_fold(name))
    return assigned


def stored_name(stored: Collection[str], column: str) -> str:
    """Return the name of a column in a table with these stored names; a name that the table lacks if it lacks the column."""
    return column if column in stored or not column.startswith(FEATURE_PREFIX) else _escape(column)


def column_of(name: str) -> str:
    """Return the column that is stored under a name.

    >>> column_of("feature_age"), column_of("feature~~41ge")
    ('feature_age', 'feature_Age')
    """
    if not name.startswith(_ESCAPED_PREFIX):
        return name
    escaped = name.removeprefix(_ESCAPED_PREFIX).encode()
    return FEATURE_PREFIX + _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), escaped).decode()


def _escape(column: str) -> str:
    name = column.removeprefix(FEATURE_PREFIX)
    return _ESCAPED_PREFIX + _UNSAFE.sub(lambda match: "".join(f"~{byte:02x}" for byte in match[0].encode()), name)


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name.lower())


def _is_assigned(name: str) -> bool:
    # Another Unicode version may have a lower case of a character that this one lacks.
    return name.isascii() or all(unicodedata.category(character) != "Cn" for character in name)
