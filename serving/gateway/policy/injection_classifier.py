"""A linear classifier of prompt injection: weights of words and pairs of words, summed over windows of a normal text.

`bench/injection` trains it; `injection_weights.json` holds the weights. `injection` holds the rules beside it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from math import exp, log
from pathlib import Path
from typing import Final

import msgspec

WINDOW: Final = 48  # words
STEP: Final = 24
_MOST_WINDOWS: Final = 32  # that lower a score: else enough harmless text would hide any attack
_MIN_LENGTH: Final = 12  # characters: a shorter text has no instruction in it
_WEIGHTS: Final = Path(__file__).with_name("injection_weights.json")
words_of = re.compile(r"[^\W_]+(?:'[a-z]+)?|<\||\[/?inst").findall


class Weights(msgspec.Struct, frozen=True):
    """The weights of a trained classifier, in log odds.

    Attributes
    ----------
    features : by word, or by two words with a space between them.
    slope, intercept : of the calibration of scores to probabilities, by Platt.
    """

    bias: float
    slope: float
    intercept: float
    features: Mapping[str, float]


class InjectionClassifier:
    """Scores texts by a model's weights; immutable, safe to share between requests."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._words = {feature: weight for feature, weight in weights.features.items() if " " not in feature}
        pairs = (feature.split(" ") for feature in weights.features if " " in feature)
        self._pairs = {(first, second): weights.features[f"{first} {second}"] for first, second in pairs}

    def probability(self, normal: str) -> float:
        """Return the probability that a normal text has prompt injection in it, by its most suspicious window."""
        scores = [self._score(words) for words in windows(words_of(normal))] if len(normal) >= _MIN_LENGTH else []
        if not scores:
            return 0.0
        score = max(scores) - log(min(len(scores), _MOST_WINDOWS)) / 2  # of more windows, more are suspicious by chance
        return 1 / (1 + exp(-max(-50.0, min(50.0, self._weights.slope * score + self._weights.intercept))))

    def _score(self, words: Sequence[str]) -> float:
        found = self._words.keys() & words
        pairs = self._pairs.keys() & pairwise(words)
        total = self._weights.bias + sum([self._words[word] for word in found])
        return total + sum([self._pairs[pair] for pair in pairs])


def windows(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the windows of a text's words, each half in the next."""
    if not words:
        return
    for start in range(0, max(1, len(words) - STEP), STEP):
        yield words[start : start + WINDOW]


@cache
def injection_classifier() -> InjectionClassifier:
    """Return the classifier with the packaged weights."""
    return InjectionClassifier(msgspec.json.decode(_WEIGHTS.read_bytes(), type=Weights))
