"""Projects and their settings."""
