"""API keys over HTTP: made, listed and revoked by admins."""
