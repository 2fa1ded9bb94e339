"""How long everything is kept: the sweeps of the ledger, bodies, events, the lake, alerts and research."""
