"""One request under its content policy: every text is checked, and findings are noted in its ledger entry."""

from collections.abc import Iterable, Mapping, Sequence

from serving.audit.entry import AuditEntry
from serving.gateway.calls import metrics
from serving.gateway.policy.policy import INJECTIONS, Finding, Policy
from serving.gateway.policy.vault import Vault
from serving.http.problems import Forbidden


class PolicySession:
    """A content policy applied to the texts of one request and of its answer.

    Attributes
    ----------
    vault : the redacted values of the request.
    unread_kinds : kinds of the request's parts that could not be read.
    findings : number of findings so far.
    found_injection : whether any of them is of prompt injection.
    """

    def __init__(self, policy: Policy, route: str, entry: AuditEntry) -> None:
        self.policy = policy
        self.vault = Vault()
        self._route = route
        self._entry = entry
        self._rules: set[str] = set()
        self.blocked = False
        self.unread_kinds: tuple[str, ...] = ()
        self.finding_count = 0
        self.found_injection = False
        entry.note(policy_hash=policy.hash)

    def request(self, text: str) -> str:
        """Check a text of the caller; return it as it may be passed on.

        Raises
        ------
        Forbidden
            If the policy blocks it.
        """
        verdict = self.policy.request(text, self.vault)
        self._enforce(verdict.findings, "text")
        return verdict.text

    def find_across(self, text: str, bounds: Sequence[tuple[int, int]]) -> list[tuple[int, int, str]]:
        """Find what crosses the borders of joined texts: start, end and placeholder of each; raises as `request`."""
        matches, findings = self.policy.find_across(text, bounds, self.vault)
        self._enforce(findings, "text")
        return matches

    def unread(self, parts: Mapping[str, int]) -> None:
        """Check the parts of a request that cannot be read, with their number by kind; raises as `request`."""
        self.unread_kinds = tuple(parts)
        if parts:
            self._enforce(self.policy.unread(parts), "part")

    def passage(self, text: str) -> str | None:
        """Check a retrieved text; return it as it may be passed on, or None if it is left out."""
        verdict = self.policy.passage(text, self.vault)
        self.add(verdict.findings)
        return None if verdict.blocked else verdict.text

    def response(self, text: str) -> str:
        """Check a text of the answer; return it as it may be sent. If it is withheld, set `blocked` and return an empty text."""
        verdict = self.policy.response(text, self.vault)
        self.add(verdict.findings)
        self.blocked = self.blocked or verdict.blocked
        return verdict.text

    def add(self, findings: Iterable[Finding]) -> None:
        """Count findings, and note their rules in the entry."""
        for finding in findings:
            metrics.count_finding(self._route, finding.rule, finding.action, finding.side, finding.count)
            self._rules.add(f"{finding.side}.{finding.rule}")
            self.finding_count += finding.count
            self.found_injection |= finding.rule in INJECTIONS
        if self._rules:
            self._entry.note(compliance_flag=True, flags=self.flags)

    def _enforce(self, findings: Iterable[Finding], subject: str) -> None:
        findings = tuple(findings)
        if not findings:
            return
        self.add(findings)
        rules = sorted({finding.rule for finding in findings if finding.action == "block"})
        if rules:
            raise Forbidden(
                f"The content policy does not allow this {subject} to go to a language model ({', '.join(rules)}).",
                code="content_filter",
                rules=rules,
            )

    @property
    def flags(self) -> str:
        """Return the rules with findings, each as `side.rule`, comma-separated."""
        return ",".join(sorted(self._rules))
