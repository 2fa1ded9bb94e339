"""Alerts: facts are folded into alerts, and changes of alerts into messages of the outbox.

- `facts`: facts, written in the transaction of their cause
- `fold`: folds new facts into alerts, and changes of alerts into messages
- `incidents`: incidents, with the alerts and history steps of each
- `outbox`: messages that are due, leased, sent or dead
- `policies`: alert policies of projects
- `policy_evaluations`: models that are due for an evaluation of their policies
- `reports`: messages with monthly reports, one for each model and month
- `store`: alerts and their history; acknowledging and muting
- `tables`: tables of alerts

The rules, without a database, are `guard_core.alerting`; sending messages is `serving.alerts`.
"""
