"""The error that ends the demo."""


class DemoFailedError(Exception):
    """The demo cannot go on; the message is one line with the reason and where to look."""
