"""False findings of the content policy on business text, and its recall on generated personal data of eight locales.

Prints the tables of docs/policy.md: `python -m bench.studies.policy`; `--quick` for a tenth of the texts, `--show` for the false findings.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Any

import numpy as np

from bench.studies.policy_texts import LOCALES, harmless_lines, personal_data
from serving.audit.entry import AuditEntry
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.borders import check_borders
from serving.gateway.policy.normal_text import normal_text_of
from serving.gateway.policy.personal import FINDERS, KINDS, Kind
from serving.gateway.policy.policy import Finding, Policy
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


class _BorderSession(PolicySession):
    """A session that keeps its findings."""

    def __init__(self) -> None:
        super().__init__(_POLICY, "/v1/chat/completions", AuditEntry({"type": "http"}))
        self.kinds: Counter[Kind] = Counter()

    def add(self, findings: Iterable[Finding]) -> None:
        """Count findings of personal data by kind."""
        for finding in findings:
            for kind in KINDS:
                self.kinds[kind] += finding.count * (finding.rule == f"pii.{kind}")


def border_findings(rng: np.random.Generator, words: int) -> list[tuple[Kind, str]]:
    """List what is found across the borders of harmless conversations of 2 to 8 messages: kind and conversation.

    A message is a line or two, or up to three parts of a line each.
    """
    lines, findings = harmless_lines(rng, words), []
    while messages := [_message(rng, lines) for _ in range(rng.integers(2, 9))]:
        if not messages[0]["content"]:
            break
        shown, session = json.dumps(messages), _BorderSession()
        check_borders(messages, session)
        findings += [(kind, shown) for kind in session.kinds.elements()]
    return findings


def _message(rng: np.random.Generator, lines: Iterator[str]) -> dict[str, Any]:
    if rng.random() < 0.5:
        return {"role": "user", "content": "\n".join(islice(lines, int(rng.integers(1, 3))))}
    parts = islice(lines, int(rng.integers(1, 4)))
    return {"role": "user", "content": [{"type": "text", "text": line} for line in parts]}


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


def false_table(count: int, inside: list[tuple[Kind, str]], across: list[tuple[Kind, str]]) -> Iterator[str]:
    """Yield the table of false findings by kind, inside of texts and across the borders of conversations."""
    yield f"| kind | inside of texts, {count:,} words | across borders, as many words | together in 10,000 words |"
    yield "|---|---|---|---|"
    first, second = Counter(kind for kind, _ in inside), Counter(kind for kind, _ in across)
    for kind in KINDS:
        yield f"| `{kind}` | {first[kind]} | {second[kind]} | {(first[kind] + second[kind]) / count * 10_000:.2f} |"
    rate = (len(inside) + len(across)) / count * 10_000
    yield f"| all | {len(inside)} | {len(across)} | {rate:.2f} |"


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
    across = border_findings(np.random.default_rng((SEED, 1)), WORDS // part)
    if arguments.show:
        for kind, line in (*findings, *across):
            print(f"{kind}: {line}")
    for rows in (false_table(count, findings, across), recall_table(recall(rng, VALUES // part))):
        for row in rows:
            print(row, flush=True)
        print()
    print(f"Measured on {date.today().isoformat()}: {time.process_time() - started:.0f} CPU seconds, seed {SEED}")  # noqa: DTZ011


if __name__ == "__main__":
    main()
