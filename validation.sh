#!/bin/sh
# Validate a running installation, by default what `make up` started: exit code 0 if it works, else 1 and one line with the reason.
# VALIDATION_URL, VALIDATION_API_KEY (or VALIDATION_API_KEY_FILE) and VALIDATION_TIMEOUT_S select another one: docs/operations.md.
set -eu
cd "$(dirname "$0")"
test -x .venv/bin/python || make .venv/.ready
exec .venv/bin/python -m demo.validation
