"""HTTP: the infrastructure that all routes share.

- `access_log`: one JSON line for each request
- `body`: reading and decompressing bodies
- `client_errors`: errors in the formats of clients of language models
- `dependencies`: dependencies of every route
- `error_handlers`: errors as problem details
- `guard_app`: FastAPI behind our middleware, with a fast path to raw routes
- `limits`: limits on callers
- `metrics`: Prometheus metrics of requests
- `middleware`: request id, ledger entry, access log, metrics, security headers
- `openapi`: the OpenAPI document
- `paging`: pages by cursor, and which fields their items have
- `problems`: errors that carry their status
- `query`: refuses query parameters that a route does not declare
- `raw_request`: one request of a raw route
- `raw_route`: declares a raw ASGI route and its OpenAPI operation
- `rendering`: problems as responses
- `routing`: routers, dependencies and limits of JSON routes
- `server_sent_events`: formats server-sent events
- `streaming`: answers with server-sent events, errors before the first one with a status
- `tracing`: OpenTelemetry traces
- `unknown_names`: problems for projects and models that do not exist
"""
