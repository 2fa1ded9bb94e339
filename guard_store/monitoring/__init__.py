"""The results of each local day: profiles and metrics, drift reports, performance; baselines and column kinds."""
