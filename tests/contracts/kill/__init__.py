"""Servers killed between answer and commit, on every route that costs or stores something."""
