"""Facts for alerts: policies, costs, failures."""
