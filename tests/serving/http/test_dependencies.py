"""Parts of the app by their type."""

import pytest

from serving.http.dependencies import Parts


def test_a_part_is_found_by_its_type() -> None:
    assert Parts(["text", 1.5]).get(float) == 1.5


def test_a_part_that_is_not_built_is_named() -> None:
    with pytest.raises(LookupError, match="has built no int"):
        Parts(["text"]).get(int)


def test_two_parts_of_a_type_are_refused() -> None:
    with pytest.raises(ValueError, match="two parts of the app are a str"):
        Parts(["text", "another"])
