"""The one loop that every daily stage runs through, and what asks for its runs."""
