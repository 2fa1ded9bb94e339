"""Events and labels over HTTP."""
