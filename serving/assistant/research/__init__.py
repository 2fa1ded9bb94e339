"""Research that can be put before an auditor: search, fetch, summarize, risk_check, each a tool call on the ledger."""
