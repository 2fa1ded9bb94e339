"""The pure rules of alerts: no database, no HTTP.

- `facts`: a fact as a value
- `figures`: the number that an alert is about
- `links`: links of messages to pages of Dagster and MLflow, and to the API
- `alert_state`: the state machine of a model's alerts
- `policy`: alert policies and their defaults
- `quiet_hours`: when a message may be sent
- `texts`: titles, bodies and payloads of messages
- `words`: names of kinds of alerts and other words that several messages share
"""
