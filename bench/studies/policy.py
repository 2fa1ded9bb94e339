"""False findings of the content policy on business text, and its recall on generated personal data of eight locales.

Prints the tables of docs/policy.md: `python -m bench.studies.policy`; `--quick` for a tenth of the texts, `--show` for the false findings.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date

import numpy as np

from bench.studies.policy_texts import LOCALES, harmless_lines, personal_data
from serving.gateway.policy.normal_text import normal_text_of
from serving.gateway.policy.personal import FINDERS, KINDS, Kind
from serving.gateway.policy.policy import Policy
from serving.gateway.policy.rules import PolicyRules
from serving.gateway.policy.vault import Vault

SEED = 20261130
WORDS = 200_000
_POLICY = Policy(PolicyRules())
VALUES = 1_000  # of each form and locale


def false_findings(rng: np.random.Generator, words: int) -> tuple[int, list[tuple[Kind, str]]]:
    """Count the words of harmless text, and list what is found in it: kind and line."""
    count, findings = 0, []
    for line in harmless_lines(rng, words):
        count += len(line.split())
        matches = _POLICY.matches(normal_text_of(line).text, "request", Vault())
        findings += [(kind, line) for match in matches for kind in KINDS if match.rule == f"pii.{kind}"]
    return count, findings


def recall(rng: np.random.Generator, values: int) -> dict[tuple[str, str], float]:
    """Return the share of values that are found whole, by locale and form."""
    hits: Counter[tuple[str, str]] = Counter()
    forms: dict[tuple[str, str], None] = {}
    for country, locale in LOCALES.items():
        for _ in range(values):
            for form, kind, text in personal_data(rng, locale):
                normal = normal_text_of(locale.sentence.format(text)).text
                start = locale.sentence.index("{")
                # A bracket before an area code may stay.
                spans = [(first - text.startswith("("), end) for first, end in FINDERS[kind](normal, 0)]
                forms[country, form] = None
                hits[country, form] += any(first <= start and start + len(text) <= end for first, end in spans)
    return {key: hits[key] / values for key in forms}


def false_table(count: int, findings: list[tuple[Kind, str]]) -> Iterator[str]:
    """Yield the table of false findings by kind."""
    yield f"| kind | false findings in {count:,} words | in 10,000 words |"
    yield "|---|---|---|"
    by_kind = Counter(kind for kind, _ in findings)
    for kind in KINDS:
        yield f"| `{kind}` | {by_kind[kind]} | {by_kind[kind] / count * 10_000:.2f} |"
    yield f"| all | {len(findings)} | {len(findings) / count * 10_000:.2f} |"


def recall_table(shares: dict[tuple[str, str], float]) -> Iterator[str]:
    """Yield the table of recall by locale and form."""
    forms = list(dict.fromkeys(form for _, form in shares))
    yield f"| locale | {' | '.join(forms)} |"
    yield "|---" * (len(forms) + 1) + "|"
    for country in LOCALES:
        cells = (f"{shares[country, form]:.1%}" if (country, form) in shares else "" for form in forms)
        yield f"| {country} | {' | '.join(cells)} |"


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description="False findings and recall of the content policy.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the texts")
    parser.add_argument("--show", action="store_true", help="print the false findings")
    arguments = parser.parse_args()
    part = 10 if arguments.quick else 1
    rng, started = np.random.default_rng(SEED), time.process_time()
    count, findings = false_findings(rng, WORDS // part)
    if arguments.show:
        for kind, line in findings:
            print(f"{kind}: {line}")
    for rows in (false_table(count, findings), recall_table(recall(rng, VALUES // part))):
        for row in rows:
            print(row, flush=True)
        print()
    print(f"Measured on {date.today().isoformat()}: {time.process_time() - started:.0f} CPU seconds, seed {SEED}")  # noqa: DTZ011


if __name__ == "__main__":
    main()
