"""The audit ledger over HTTP: what each request puts on record, and reading and proving it."""
