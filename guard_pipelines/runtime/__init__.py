"""Everything that reaches into private API of Dagster."""
