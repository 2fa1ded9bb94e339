"""The audit ledger over HTTP: the record of each request; reading and verifying.

The chain itself is `guard_store.ledger`.

- `bodies`: bodies of requests and responses, redacted, for projects that record them
- `context`: the caller, the project and the id of a request
- `endpoints`: routes
- `entry`: the ledger's entry of one request
- `exempt`: routes without an entry
- `schemas`: requests and responses
- `service`: writes entries, signs checkpoints
"""
