"""Alerts: facts (`facts`) become alerts by policies (`policy`, `machine`, `fold`), and alerts messages (`texts`, `outbox`).

Sending messages belongs to `serving.alerts`, judging days to `ml.alerts`.
"""
