"""What every route shares: problems, routing, paging, limits, middleware, metrics, tracing, OpenAPI."""
