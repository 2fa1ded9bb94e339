"""What may be said to a language model, and by it: denylist, personal data, prompt injection; flag, redact or block.

Rules are data (`policies.yaml`); a policy is compiled once and sees text only. Nothing here knows HTTP or a provider.
"""
