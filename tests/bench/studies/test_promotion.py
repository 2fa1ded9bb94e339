"""The study of the promotion rule: its sources have the gains that they state, and its tables all cells."""

import numpy as np
import pytest

from bench.studies import promotion
from ml.retraining.promotion import LEVEL, gain_of


@pytest.mark.parametrize("name", [name for name in promotion.SOURCES if not name.startswith("flights")])
@pytest.mark.parametrize("gain", [0.0, 0.03, -0.01])
def test_generated_challengers_have_their_gain_on_average(name: str, gain: float) -> None:
    rng = np.random.default_rng(1)
    gains = [gain_of(promotion.SOURCES[name](rng, 5_000, 14)(gain), LEVEL).value for _ in range(40)]
    assert np.mean(np.array(gains, float)) == pytest.approx(gain, abs=0.006)


def test_each_table_has_all_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "SOURCES", {"rows": promotion.generated(0.0)})
    monkeypatch.setattr(promotion, "SEGMENT_ROWS", 500)
    lines = [line for line in promotion.study(1) if line.startswith("| ") and "%" in line]
    cells = len(promotion.SIZES) * (1 + len(promotion.GAINS))
    assert len(lines) == cells + len(promotion.SIZES) + 2 * len(promotion.SIZES) + 1
