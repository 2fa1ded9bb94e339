"""The event store's writing side: many requests share one durable transaction (group commit).

What an event row is, how a group is stored and how a day's news is counted belong here; HTTP and validation do not.
"""
