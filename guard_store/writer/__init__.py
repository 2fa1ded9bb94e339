"""The writer: many requests share one durable transaction (group commit).

- `sessions`: the writer's connection to each engine
- `target`: describes a table into which rows are inserted once
- `work`: works of requests, and the steps that store them
- `writer`: queues works and commits them in groups

What is stored, and in which steps, belongs to the domains.
"""
