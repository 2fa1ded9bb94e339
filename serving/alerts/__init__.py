"""Alerts over HTTP, and delivery of their messages.

`guard_store.alerts` turns facts into alerts; `guard_core.alerting` words the messages.

- `delivery`: background task that folds facts and sends due messages
- `endpoints`: routes
- `incident_endpoints`: routes of incidents
- `incident_schemas`: responses about incidents
- `incident_service`: reads incidents as threads
- `metrics`: Prometheus metrics
- `policy_file`: alert policies from a YAML file
- `routes`: alert routes: names, and the URLs that messages are sent to
- `schemas`: requests and responses
- `senders`: one transport a file
- `service`: reads and changes alerts, messages and alert policies
- `trial`: the test message of an alert route
"""
