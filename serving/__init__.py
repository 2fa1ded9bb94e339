"""What is served, and to whom: the FastAPI app, one folder a domain.

What is kept and what is computed live in other rooms. Nothing here imports Dagster.

- `alerts`: alerts over HTTP, and delivery of their messages
- `app`: the composition root: builds and wires everything
- `assistant`: questions, research, tools, search
- `audit`: the ledger over HTTP, and the record of each request
- `auth`: API keys, bearer tokens, roles
- `costs`: costs over HTTP
- `gateway`: calls of language models
- `health`: liveness, readiness, status
- `http`: what every route shares
- `ingest`: events and labels over HTTP
- `monitoring`: results of models over HTTP
- `overview`: all models at a glance
- `pages`: what people see, rendered from the services of the domains
- `predict`: `/predict`
- `projects`: projects over HTTP
- `reports`: a month of a model
- `retraining`: flags, versions and lineage over HTTP
- `route_docs`: the table of routes in `docs/api.md`, made from the app itself
- `runtime`: settings of the server process
"""
