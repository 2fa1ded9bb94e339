"""Limits on callers: how often they may ask, from where they say to come, how deep and how slow their bodies may be.

Sizes of single routes' bodies belong to the routes.
"""
