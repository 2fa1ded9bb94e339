"""Tools of agents: typed arguments, tool rules, and an executor that writes every call to the ledger.

- `arguments`: arguments and results as plain JSON
- `endpoints`: routes
- `errors`: tool errors
- `executor`: decides, runs and records a call
- `metrics`: Prometheus metrics
- `policy`: whether a tool may be called
- `schemas`: requests and responses
- `service`: tools of this server, and decisions about those of others
- `web`: fetches web pages safely

Our tools are registered in `serving.assistant.research.tools`; calls of other agents are checked at
`/api/v1/tools/check` and recorded at `/api/v1/tools/record`.
"""
