"""Tests of evaluated answers and of feedback on them, over HTTP."""
