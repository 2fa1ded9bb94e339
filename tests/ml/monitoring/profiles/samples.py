"""Raw columns to profile, small and awkward or large and seeded, and what to expect of them. Not tests."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Few distinct values, so that ties across parts are common, and some that are not finite.
awkward = st.sampled_from([-2.5, -0.0, 0.0, 1.0, 1.5, 1e6, float("nan"), float("inf"), float("-inf")])
moderate = st.floats(min_value=-1e6, max_value=1e6)
values = st.lists(awkward | moderate, max_size=60).map(lambda listed: np.array(listed, dtype=np.float64))
parts = st.lists(values, min_size=1, max_size=5)


@st.composite
def large_parts(draw: st.DrawFn) -> list[Floats]:
    """Two to five columns of up to 5,000 values each, of different shapes, some with heavy ties."""
    return [draw(_large_column()) for _ in range(draw(st.integers(2, 5)))]


def finite(column: Floats) -> Floats:
    """The values that a CDF describes."""
    return column[np.isfinite(column)]


def true_counts(column: Floats, knots: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """How many finite values are < and <= each knot, from the raw column."""
    ordered = np.sort(finite(column))
    return np.searchsorted(ordered, knots, side="left"), np.searchsorted(ordered, knots, side="right")


@st.composite
def _large_column(draw: st.DrawFn) -> Floats:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(1, 5000))
    match draw(st.sampled_from(["normal", "skewed", "whole", "zeros"])):
        case "normal":
            return rng.normal(draw(st.sampled_from([0.0, 5.0])), 2.0, size)
        case "skewed":
            return rng.lognormal(0.0, 2.0, size)
        case "whole":
            return np.round(rng.normal(0.0, 50.0, size))
        case _:
            return np.where(rng.random(size) < 0.6, 0.0, rng.normal(size=size))
