"""Performance: realised, estimated, checked."""
