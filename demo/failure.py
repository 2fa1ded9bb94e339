"""How the demo says that something did not hold."""


class DemoFailedError(Exception):
    """The demo cannot go on, or a number is wrong: one line that says what, and where to look."""
