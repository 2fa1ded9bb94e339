"""The audit ledger: a hash chain of rows about all requests, which proves that none was changed afterwards.

- `append`: appends rows to the chain
- `bodies`: bodies of requests and answers, stored beside the chain
- `checkpoints`: signed checkpoints of the chain
- `entry`: the fields of a row, and its hash
- `export`: the ledger as CSV
- `checkpoint_file`: the file to which signed checkpoints are appended too
- `step`: the ledger step of a transaction
- `store`: reads, verifies, signs and prunes the ledger
- `tables`: tables of the ledger
- `verify`: verifies the chain

When rows are pruned is `guard_store.retention`.
"""
