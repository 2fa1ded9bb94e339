"""What `ml-guard` does, one module a command; `serving.cli` reads the arguments."""
