"""The operational database: connections, Arrow reading, migrations, table helpers."""
