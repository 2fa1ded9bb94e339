"""What each local day has cost."""
