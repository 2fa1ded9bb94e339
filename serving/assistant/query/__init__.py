"""Questions about the knowledge base, answered with citations that stand in their sources."""
