"""When it runs: the Dagster code location. Thin: reads, calls one function of `ml`, writes.

What is computed belongs to `ml`, what is kept to `guard_store`. Nothing happens at import: `definitions.defs` reads the settings
when Dagster loads the code location.
"""
