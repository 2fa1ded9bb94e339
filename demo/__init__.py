"""The demo: a year of real flights, sent through the client to the real processes, and every number checked.

It uses the SDK and the command `ml-guard`, nothing from inside the other rooms.
"""
