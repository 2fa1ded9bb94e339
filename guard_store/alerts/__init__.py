"""Alerts: facts become alerts, alerts become messages of the outbox.

- `facts`: facts, written in the transaction of what caused them
- `fold`: folds new facts into alerts, and alerts into messages
- `outbox`: messages that are due, leased, sent or dead
- `policies`: alert policies of projects
- `policy_evaluations`: which models are due for an evaluation of their policies
- `store`: alerts and their history; acknowledging and muting
- `tables`: tables of alerts

Rules without a database are `guard_core.alerting`; sending messages is `serving.alerts`.
"""
