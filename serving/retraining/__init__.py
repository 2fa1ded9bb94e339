"""Flags, versions and lineage over HTTP."""
