"""The one writer: many requests share one durable transaction (group commit).

`writer` queues works and commits them in groups, `work` says what a work and a step are, `sessions` is the writer's connection to each
engine, `target` describes a table that rows go into once. What is stored, and in which steps, belongs to the domains.
"""
