"""Routes without a ledger entry: probes that change nothing, reveal nothing about anyone, and arrive every few seconds."""

EXEMPT = frozenset({"/healthz", "/readyz", "/api/v1/health", "/metrics"})
