"""The only routes that the ledger knows nothing of: probes that change nothing, say nothing of anyone, and come every few seconds."""

EXEMPT = frozenset({"/healthz", "/readyz", "/api/v1/health", "/metrics"})
