"""Versions of the registry: what they are, how they compare, and who may make one the champion."""
