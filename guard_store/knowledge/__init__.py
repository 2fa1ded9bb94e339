"""The tables of the knowledge base in the lake."""
