"""Questions, research and its tools, over the knowledge base."""
