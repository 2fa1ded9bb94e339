"""Errors of tool calls: denied by a rule, or failed."""


class DeniedError(Exception):
    """A rule forbids the call.

    Parameters
    ----------
    rule : its name in the ledger.
    reason : what is wrong and what is allowed; never anything that the caller must not learn.
    """

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


class ToolError(Exception):
    """The call was allowed and failed; the message is the reason."""
