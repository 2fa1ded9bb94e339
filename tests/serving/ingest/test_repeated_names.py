"""Names that come twice in an object of JSON."""

import json

import pytest

from serving.ingest.repeated_names import count_names


@pytest.mark.parametrize("separator", [":", ": ", " :", "\t:", "\n:", "\r:", "\r\n :\n"])
@pytest.mark.parametrize("names", [1, 5_000])
def test_short_and_long_texts_are_counted_alike(separator: str, names: int) -> None:
    text = json.dumps([{"a": 1, "b": "10:30"}] * names, separators=(",", separator))
    assert count_names(text.encode()) == 2 * names
