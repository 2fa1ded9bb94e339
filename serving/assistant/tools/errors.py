"""Why a tool did not do what it was asked: it may not, or it could not."""


class DeniedError(Exception):
    """A rule forbids the call.

    Parameters
    ----------
    rule : its name, as the ledger keeps it.
    reason : what is wrong and what would be right; never what the caller must not learn.
    """

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


class ToolError(Exception):
    """The call was allowed and failed; the message says why."""
