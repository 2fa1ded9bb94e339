"""What a request of Messages must have, and what it may not ask for because the policy could not judge it."""

from collections.abc import Mapping
from typing import Any, Final

from serving.gateway.protocols.fields import read_model, read_number, read_objects, wrong_field

_HOSTED_TOOLS: Final = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "mcp_toolset")
"""Beginnings of the types of tools that the server runs itself."""
_HOSTED_FIELDS: Final = ("mcp_servers", "container")
_UNREAD: Final = "runs at the server of the model, so its results reach the model without a check of the policy"


def read_prompt(body: Mapping[str, Any]) -> str:
    """Read the model of a prompt, and require what a prompt must have.

    Raises
    ------
    Unprocessable
        If it is missing or wrong, or asks for what the policy cannot judge.
    """
    read_objects(body, "messages", "message")
    for field in _HOSTED_FIELDS:
        if body.get(field):
            raise wrong_field(field, _UNREAD)
    tools = body.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise wrong_field("tools", "must be a list of tools")
    for place, tool in enumerate(tools):
        if str(tool.get("type") or "").startswith(_HOSTED_TOOLS):
            raise wrong_field(f"tools.{place}", f"{tool['type']} {_UNREAD}: use a tool that the caller runs")
    return read_model(body)


def read_max_tokens(body: Mapping[str, Any]) -> int:
    """Read the maximum of tokens; raises as `read_prompt`."""
    most = read_number(body, "max_tokens", 1)
    if most is None:
        raise wrong_field("max_tokens", "must be a whole number of at least 1")
    return most
