"""The audit ledger over HTTP: the record of each request; reading and verifying.

- `bodies`: bodies of requests and responses, redacted, where a project keeps them
- `endpoints`: routes
- `exempt`: routes without an entry
- `record`: what a request collects for its entry
- `schemas`: requests and responses
- `service`: writes entries, signs checkpoints

The chain itself is `guard_store.ledger`.
"""
