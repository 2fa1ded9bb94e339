"""One request under its content policy: every text is checked, and findings are noted in its entry of the ledger."""

from collections.abc import Iterable

from serving.audit.entry import AuditEntry
from serving.gateway.calls import metrics
from serving.gateway.policy.policy import Finding, Policy
from serving.gateway.policy.vault import Vault
from serving.http.problems import Forbidden


class PolicySession:
    """A content policy applied to the texts of one request and of its answer.

    Attributes
    ----------
    vault : what was taken out of the request.
    """

    def __init__(self, policy: Policy, route: str, entry: AuditEntry) -> None:
        self.policy = policy
        self.vault = Vault()
        self._route = route
        self._entry = entry
        self._rules: set[str] = set()
        self.blocked = False
        entry.note(policy_hash=policy.hash)

    def request(self, text: str) -> str:
        """Return a text of the caller as it may be passed on.

        Raises
        ------
        Forbidden
            If the policy blocks it.
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
        """Return a retrieved text as it may be passed on; None if it is left out."""
        verdict = self.policy.passage(text, self.vault)
        self.add(verdict.findings)
        return None if verdict.blocked else verdict.text

    def response(self, text: str) -> str:
        """Return a text of the answer; empty, and `blocked` set, if it is withheld."""
        verdict = self.policy.response(text, self.vault)
        self.add(verdict.findings)
        self.blocked = self.blocked or verdict.blocked
        return verdict.text

    def add(self, findings: Iterable[Finding]) -> None:
        """Count findings, and note their rules in the entry."""
        for finding in findings:
            metrics.found(self._route, finding.rule, finding.action, finding.side, finding.count)
            self._rules.add(f"{finding.side}.{finding.rule}")
        if self._rules:
            self._entry.note(compliance_flag=True, flags=self.flags)

    @property
    def flags(self) -> str:
        """Names of the rules with findings, with their side, comma-separated."""
        return ",".join(sorted(self._rules))
