"""What is deleted each night.

- `assets`: sweeps of what is older than the settings allow, and the vacuum of the lake
"""
