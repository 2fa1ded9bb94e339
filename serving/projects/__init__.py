"""Projects over HTTP: made and changed by admins, read by analysts."""
