"""Columns whose names differ in letter case or Unicode form alone have stored names that differ by more."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guard_store.lake.names import assign_names, column_of, stored_name

NFC, NFD = "feature_é", "feature_e\u0301"

features = st.lists(st.text("aAéÉkK~4_x" + "\u0301\u212a\u0130\u1c89", min_size=1, max_size=6), unique=True, max_size=6)


def columns_of(names: list[str]) -> list[str]:
    return [f"feature_{name}" for name in names]


@given(features, features)
def test_names_are_apart_stay_and_lead_back_to_their_column(before: list[str], after: list[str]) -> None:
    stored = assign_names((), columns_of(before))
    both = stored | assign_names(stored.values(), columns_of(after))
    assert both | stored == both
    assert len({unicodedata.normalize("NFC", name.lower()) for name in both.values()}) == len(both)
    assert {column_of(name): name for name in both.values()} == both
    assert {column: stored_name(both.values(), column) for column in both} == both


def test_an_ordinary_column_has_its_own_name() -> None:
    columns = ["day", "y_pred", "feature_Income", "feature_née", "feature_a b"]
    assert assign_names((), columns) == {column: column for column in columns}


def test_unicode_forms_are_kept_apart() -> None:
    assert assign_names([NFC], [NFC, NFD])[NFD] == "feature~e~cc~81"


@pytest.mark.parametrize("column", ["y_true", "label_observed_at"])
def test_a_column_of_the_event_is_never_read_under_the_name_of_a_feature(column: str) -> None:
    assert stored_name(["feature_Y_true", "feature~y_true"], column) == column
