"""Recall and false findings of the rule `injection` on held-out sources: `python -m bench.injection.measure --clones DIR`.

Prints the table of docs/policy.md. Texts that repeat a training text are left out. A text is found if the rule has a finding as a passage.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.injection.clones import Text
from bench.injection.sources import HELD_OUT
from bench.injection.train import training_texts
from serving.gateway.policy.injection import count_injections
from serving.gateway.policy.injection_classifier import injection_classifier, words_of
from serving.gateway.policy.normal_text import normal_text_of
from serving.gateway.policy.rules import Injection

_ROW = 8  # words in a row that show a repetition
_REPEATED = 0.25  # share of a text's rows that are in training texts, from which on it is left out


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clones", type=Path, required=True, help="directory of the clones: DIR/<owner>/<name>")
    parser.add_argument("--threshold", type=float, default=Injection().threshold)
    arguments = parser.parse_args()
    known = {row for text, _ in training_texts(arguments.clones) for row in _rows(text)}
    print("| source | texts | patterns | with the classifier |\n|---|---|---|---|")
    for source in HELD_OUT:
        texts = [item for item in source.texts(arguments.clones) if not _is_repeated(item[0], known)]
        for is_attack, kind in ((True, "attacks"), (False, "harmless")):
            chosen = [item for item in texts if item[1] == is_attack]
            if chosen:
                patterns, both = shares(chosen, arguments.threshold)
                print(f"| {source.name}: {kind} | {len(chosen)} | {patterns:.1%} | {both:.1%} |")


def shares(texts: Sequence[Text], threshold: float) -> tuple[float, float]:
    """Return the shares of texts that the patterns find, and that the patterns or the classifier find."""
    classifier = injection_classifier()
    normal = [normal_text_of(text).text for text, _ in texts]
    patterns = [count_injections(text, passage=True) > 0 for text in normal]
    both = [seen or classifier.probability(text) > threshold for seen, text in zip(patterns, normal, strict=True)]
    return sum(patterns) / len(texts), sum(both) / len(texts)


def _rows(text: str) -> Iterable[tuple[str, ...]]:
    words = words_of(normal_text_of(text).text)
    return zip(*(words[n:] for n in range(_ROW)), strict=False)


def _is_repeated(text: str, known: set[tuple[str, ...]]) -> bool:
    rows = set(_rows(text))
    return bool(rows) and len(rows & known) / len(rows) >= _REPEATED


if __name__ == "__main__":
    main()
