"""One request under its policy: every text judged, what was found put on record; the same for all routes that call a model."""

from collections.abc import Iterable

from serving.audit.record import Record
from serving.gateway.calls import metrics
from serving.gateway.policy.policy import Finding, Policy
from serving.gateway.policy.vault import Vault
from serving.http.problems import Forbidden


class Judging:
    """A policy at work on a request.

    Attributes
    ----------
    vault : what was taken out of it.
    """

    def __init__(self, policy: Policy, route: str, record: Record) -> None:
        self.policy = policy
        self.vault = Vault()
        self._route = route
        self._record = record
        self._rules: set[str] = set()
        self.blocked = False
        record.note(policy_hash=policy.hash)

    def request(self, text: str) -> str:
        """A text of the caller, as it may go on.

        Raises
        ------
        Forbidden
            Where the policy blocks it.
        """
        verdict = self.policy.request(text, self.vault)
        self.add(verdict.findings)
        if verdict.blocked:
            rules = sorted({finding.rule for finding in verdict.findings if finding.action == "block"})
            raise Forbidden(
                f"The policy does not let this text go to a language model ({', '.join(rules)}).",
                code="content_filter",
                rules=rules,
            )
        return verdict.text

    def passage(self, text: str) -> str | None:
        """A retrieved text, as it may go on; None where it is left out."""
        verdict = self.policy.passage(text, self.vault)
        self.add(verdict.findings)
        return None if verdict.blocked else verdict.text

    def response(self, text: str) -> str:
        """A text of the answer; empty where it is withheld, and `blocked` then."""
        verdict = self.policy.response(text, self.vault)
        self.add(verdict.findings)
        self.blocked = self.blocked or verdict.blocked
        return verdict.text

    def add(self, findings: Iterable[Finding]) -> None:
        """Put findings on record."""
        for finding in findings:
            metrics.found(self._route, finding.rule, finding.action, finding.side, finding.count)
            self._rules.add(f"{finding.side}.{finding.rule}")
        if self._rules:
            self._record.note(compliance_flag=True, flags=self.flags)

    @property
    def flags(self) -> str:
        """Names of the rules that were met, with their side, comma-separated."""
        return ",".join(sorted(self._rules))
