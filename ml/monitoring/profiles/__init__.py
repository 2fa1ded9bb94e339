"""Small, mergeable summaries of columns: the only thing that anything downstream of the lake reads."""
