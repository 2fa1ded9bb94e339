"""Tests of costs as they are kept and pulled."""
