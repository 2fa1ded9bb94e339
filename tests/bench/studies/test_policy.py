"""The content policy on the texts of its study, a tenth of them."""

import numpy as np

from bench.studies.policy import SEED, VALUES, WORDS, false_findings, recall


def test_business_text_has_at_most_one_false_finding_in_10_000_words() -> None:
    words, findings = false_findings(np.random.default_rng(SEED), WORDS // 10)
    assert words >= WORDS // 10
    assert len(findings) <= words / 10_000, findings


def test_personal_data_of_eight_locales_is_found() -> None:
    shares = recall(np.random.default_rng(SEED), VALUES // 10)
    assert len({country for country, _ in shares}) == 8
    national = {country: share for (country, form), share in shares.items() if form == "phone, national"}
    assert min(share for (_, form), share in shares.items() if form != "phone, national") > 0.98
    assert min(national.values()) > 0.6
    assert sum(share > 0.9 for share in national.values()) == 6
