"""Alerts over HTTP, and delivery of their messages.

Facts become alerts in `guard_store.alerts`; texts of messages are `guard_core.alerting`.

- `delivery`: background task: folds facts, sends due messages
- `endpoints`: routes
- `metrics`: Prometheus metrics
- `policy_file`: alert policies as a YAML file
- `routes`: names and URLs that messages are sent to
- `schemas`: requests and responses
- `senders`: one way of sending a file
- `service`: alerts, their messages and the policies that raise them, as the routes read and change them
"""
