"""Storage: the operational database, its tables, the lake, and one store for each kind of record.

- `alerts`: facts, alerts, their policies, and the outbox of messages
- `auth`: API keys, sessions of the pages
- `backup`: backups of everything, and their restoration
- `costs`: costs by project, local day and source
- `day_state`: what each local day has received, and how far each stage has processed it
- `db`: connections, migrations, and what the stores share
- `ingest`: events, labels and rejected rows
- `knowledge`: the tables of the knowledge base
- `lake`: the Delta lake of events and labels
- `ledger`: the audit ledger
- `monitoring`: results of each local day, baselines, kinds of columns
- `projects`: projects and their settings
- `research`: steps of research, calls of tools
- `retention`: deletion of what is older than the settings allow
- `retraining`: evaluations, flags, trainings, decisions, shadow sums, the model registry
- `spending`: budgets, reservations and usage of language models
- `steps`: the steps of the writer's transaction, in their order
- `writer`: durable writing of events, labels and ledger entries, many requests in one transaction

Nothing here imports Dagster, HTTP or statistics.
"""
