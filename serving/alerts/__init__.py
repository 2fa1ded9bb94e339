"""Alerts over HTTP, and sending their messages: to people by mail and Apprise, to machines by a signed webhook."""
