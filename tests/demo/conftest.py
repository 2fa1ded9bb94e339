"""The year of flights, read once a test session."""

import pandas as pd
import pytest

from demo.flights import load_departures


@pytest.fixture(scope="session")
def departures() -> pd.DataFrame:
    return load_departures()
