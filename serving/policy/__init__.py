"""What may be said to a language model, and by it: denylist, personal data, prompt injection; flag, redact or block.

Rules are data (`policies.yaml`); a policy is compiled once and sees text only. Nothing here knows HTTP or a provider.
"""

from serving.policy.book import PolicyBook, PolicyError
from serving.policy.policy import Finding, Policy, Verdict
from serving.policy.rules import Side
from serving.policy.stream import ResponseStream
from serving.policy.vault import Vault

__all__ = ["Finding", "Policy", "PolicyBook", "PolicyError", "ResponseStream", "Side", "Vault", "Verdict"]
