"""Trains the classifier of prompt injection and writes its weights: `python -m bench.injection.train --clones DIR`.

The same clones and library versions give the same file. Logistic regression with an L1 penalty on words and pairs of words of each
window; of an attack that is long, only the windows that the first fit finds suspicious train the second one.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from bench.injection.clones import Text
from bench.injection.sources import TRAINING
from bench.injection.templates import draw_texts, read_templates
from bench.studies.policy_texts import harmless_lines
from serving.gateway.policy import injection_classifier
from serving.gateway.policy.injection_classifier import WINDOW, Weights, windows, words_of
from serving.gateway.policy.normal_text import normal_text_of

SEED = 20261130
EACH = 60  # texts drawn from each template
BUSINESS_WORDS = 20_000
_MOST_WINDOWS = 40  # of a text
_PENALTY = 1.0  # inverse of the L1 penalty
_FOLDS = 3
_THRESHOLDS = (0.7, 0.8, 0.9, 0.95, 0.97, 0.99)
_PATH = Path(injection_classifier.__file__).with_name("injection_weights.json")
_Floats = npt.NDArray[np.float64]


class Windows(msgspec.Struct):
    """Windows of the training texts.

    Attributes
    ----------
    text : number of the text of each window.
    is_attack : of each text.
    """

    words: list[Sequence[str]]
    text: npt.NDArray[np.int64]
    is_attack: npt.NDArray[np.bool_]


def main() -> None:
    """Train, calibrate, write the weights, and print the shares by threshold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clones", type=Path, required=True, help="directory of the clones: DIR/<owner>/<name>")
    parser.add_argument("--out", type=Path, default=_PATH)
    arguments = parser.parse_args()
    data = split(training_texts(arguments.clones))
    scores = out_of_fold_scores(data)
    calibration = LogisticRegression(C=1e6).fit(scores[:, None], data.is_attack)
    slope, intercept = float(calibration.coef_[0, 0]), float(calibration.intercept_[0])
    features, bias = fit(data, np.ones(len(data.is_attack), bool))
    weights = Weights(round(bias, 3), round(slope, 4), round(intercept, 4), features)
    arguments.out.write_text(json.dumps(msgspec.to_builtins(weights), ensure_ascii=False, indent=0) + "\n", "utf-8")
    print(f"{len(data.is_attack)} texts, {data.is_attack.sum()} attacks, {len(features)} features")
    probability = 1 / (1 + np.exp(-(slope * scores + intercept)))
    for threshold in _THRESHOLDS:
        found, false = (float(np.mean(probability[data.is_attack == kind] > threshold)) for kind in (True, False))
        print(f"threshold {threshold}: out of fold {found:.1%} of attacks, {false:.2%} of harmless texts")


def training_texts(clones: Path) -> list[Text]:
    """Return all texts: public ones, those of our templates, and attacks inside harmless text."""
    rng = np.random.default_rng(SEED)
    templates = read_templates()
    attacks = draw_texts(templates, "attack", EACH, rng)
    texts = [text for source in TRAINING for text in source.texts(clones)]
    texts += [
        (text, False) for text in (*draw_texts(templates, "harmless", EACH, rng), *harmless_lines(rng, BUSINESS_WORDS))
    ]
    surroundings = [text.split() for text, is_attack in texts if not is_attack and len(text) > 200]
    texts += [(text, True) for text in attacks]
    texts += [(_hide(text, surroundings[int(rng.integers(len(surroundings)))], rng), True) for text in attacks]
    return list(dict.fromkeys(texts))


def _hide(attack: str, surroundings: Sequence[str], rng: np.random.Generator) -> str:
    """Return an attack within one window of harmless text."""
    room = int(rng.integers(max(1, WINDOW - len(attack.split()))))
    before = int(rng.integers(room + 1))
    return " ".join((*surroundings[:before], attack, *surroundings[before:room]))


def split(texts: Sequence[Text]) -> Windows:
    """Split texts into windows."""
    words: list[Sequence[str]] = []
    numbers: list[int] = []
    for n, (text, _) in enumerate(texts):
        parts = list(windows(words_of(normal_text_of(text).text)))[:_MOST_WINDOWS] or [[]]
        words += parts
        numbers += [n] * len(parts)
    return Windows(words, np.array(numbers), np.array([is_attack for _, is_attack in texts]))


def fit(data: Windows, selected: npt.NDArray[np.bool_]) -> tuple[dict[str, float], float]:
    """Return the weights of features, and the bias, that selected texts give."""
    chosen = np.flatnonzero(selected[data.text])
    vectorizer = CountVectorizer(analyzer=_features, min_df=3, binary=True)
    matrix = vectorizer.fit_transform([data.words[n] for n in chosen]).astype(float)
    text, is_attack = data.text[chosen], data.is_attack[data.text[chosen]]
    counts = np.bincount(text)
    weight = np.where(is_attack, 1 / np.sqrt(counts[text]), 1.0)
    use = np.ones(len(chosen), bool)
    for _ in range(2):
        model = LogisticRegression(C=_PENALTY, l1_ratio=1, solver="liblinear", max_iter=300, random_state=0)
        model.fit(matrix[use], is_attack[use], sample_weight=weight[use])
        scores = matrix @ model.coef_[0] + model.intercept_[0]
        use = ~is_attack | (scores >= np.minimum(_highest(scores, text), 0.0)[text])
    names = vectorizer.get_feature_names_out()
    features = {str(names[n]): round(float(model.coef_[0][n]), 3) for n in np.flatnonzero(model.coef_[0])}
    return {name: value for name, value in sorted(features.items()) if value}, float(model.intercept_[0])


def _features(words: Sequence[str]) -> list[str]:
    return [*words, *(f"{first} {second}" for first, second in pairwise(words))]


def _highest(scores: _Floats, text: npt.NDArray[np.int64]) -> _Floats:
    highest = np.full(int(text.max()) + 1, -np.inf)
    np.maximum.at(highest, text, scores)
    return highest


def out_of_fold_scores(data: Windows) -> _Floats:
    """Return the score of each text, as the classifier has it, by a model that other texts trained."""
    result = np.zeros(len(data.is_attack))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=SEED)
    for train, rest in folds.split(result, data.is_attack):
        selected = np.zeros(len(result), bool)
        selected[train] = True
        features, bias = fit(data, selected)
        chosen = np.flatnonzero(~selected[data.text])
        vectorizer = CountVectorizer(analyzer=_features, binary=True, vocabulary=list(features))
        matrix: sparse.csr_matrix = vectorizer.transform([data.words[n] for n in chosen]).astype(float)
        result[rest] = _highest(matrix @ np.array(list(features.values())) + bias, data.text[chosen])[rest]
    return result - np.log(np.bincount(data.text)) / 2


if __name__ == "__main__":
    main()
