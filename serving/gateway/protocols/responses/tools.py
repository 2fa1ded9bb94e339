"""Tools that the caller runs, their choice and their calls: of the same fields, one level deeper in chat completions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from serving.gateway.protocols.fields import wrong_field
from serving.gateway.protocols.responses.parts import require_text


@dataclass(frozen=True, slots=True)
class ToolKind:
    """A kind of tools that the caller runs.

    Attributes
    ----------
    call, result : types of the items of its calls and their results.
    argument : field of a call with what the model passes to the tool.
    delta, done : types of the events with a piece, and the whole, of that field.
    """

    name: str
    call: str
    result: str
    argument: str
    delta: str
    done: str


FUNCTION: Final = ToolKind(
    "function",
    "function_call",
    "function_call_output",
    "arguments",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
)
CUSTOM: Final = ToolKind(
    "custom",
    "custom_tool_call",
    "custom_tool_call_output",
    "input",
    "response.custom_tool_call_input.delta",
    "response.custom_tool_call_input.done",
)
KINDS: Final = {kind.name: kind for kind in (FUNCTION, CUSTOM)}
KINDS_BY_CALL: Final = {kind.call: kind for kind in KINDS.values()}
KINDS_BY_RESULT: Final = {kind.result: kind for kind in KINDS.values()}
_ALLOWED: Final = "allowed_tools"


def check_tools(tools: Any, field: str) -> None:
    """Allow only tools that the caller runs.

    Raises
    ------
    Unprocessable
        If the server runs one: the policy cannot read its results before the model does.
    """
    for place, tool in enumerate(_require_tools(tools, field)):
        if tool.get("type") not in KINDS:
            raise wrong_field(
                f"{field}[{place}].type",
                f"{tool.get('type')!r} is not offered: the server would run it, and what it finds would reach the model"
                " unread by the content policy; use tools of type 'function' or 'custom'",
            )


def tools_to_chat(tools: Any, field: str = "tools") -> list[dict[str, Any]]:
    """Translate the tools of a request.

    Raises
    ------
    Unprocessable
        If one has no counterpart.
    """
    check_tools(tools, field)
    return [_nest(tool) for tool in tools]


def tools_from_chat(tools: Any, field: str = "tools") -> list[dict[str, Any]]:
    """Translate the tools of a chat; functions stay as lax about arguments as they are there. Raises as `tools_to_chat`."""
    check_tools(tools, field)
    flat = [_flatten(tool, f"{field}[{place}]") for place, tool in enumerate(tools)]
    return [{"strict": False, **tool} if tool["type"] == FUNCTION.name else tool for tool in flat]


def choice_to_chat(choice: Any) -> Any:
    """Translate the choice of a tool; raises as `tools_to_chat`."""
    if not isinstance(choice, dict):
        return choice
    if choice.get("type") == _ALLOWED:
        tools = tools_to_chat(choice.get("tools"), "tool_choice.tools")
        return {"type": _ALLOWED, _ALLOWED: {"mode": choice.get("mode", "auto"), "tools": tools}}
    _require_kind(choice)
    return _nest(choice)


def choice_from_chat(choice: Any) -> Any:
    """Translate the choice of a tool in a chat; raises as `tools_to_chat`."""
    if not isinstance(choice, dict):
        return choice
    if choice.get("type") == _ALLOWED:
        allowed = choice.get(_ALLOWED)
        allowed = allowed if isinstance(allowed, dict) else {}
        tools = _require_tools(allowed.get("tools"), "tool_choice.allowed_tools.tools")
        flat = [_flatten(tool, "tool_choice.allowed_tools.tools") for tool in tools]
        return {"type": _ALLOWED, "mode": allowed.get("mode", "auto"), "tools": flat}
    _require_kind(choice)
    return _flatten(choice, "tool_choice")


def call_to_chat(item: Mapping[str, Any]) -> dict[str, Any]:
    """Translate the item of a call to a tool call of a message."""
    kind = KINDS_BY_CALL[item["type"]]
    function = {"name": item.get("name"), kind.argument: item.get(kind.argument) or ""}
    return {"id": item.get("call_id"), "type": kind.name, kind.name: function}


def call_from_chat(call: dict[str, Any], field: str) -> dict[str, Any]:
    """Translate a tool call of a message to an item; raises as `tools_to_chat`."""
    kind = kind_of(call)
    function = call.get(kind.name)
    function = function if isinstance(function, dict) else {}
    return {
        "type": kind.call,
        "call_id": require_text(call, "id", field),
        "name": require_text(function, "name", f"{field}.{kind.name}"),
        kind.argument: function.get(kind.argument) or "",
    }


def kind_of(call: Mapping[str, Any]) -> ToolKind:
    """Return the kind of a tool call; a function unless it is of another type."""
    return CUSTOM if call.get("type") == CUSTOM.name or CUSTOM.name in call else FUNCTION


def _nest(tool: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(tool["type"])
    fields = {name: value for name, value in tool.items() if name != "type" and value is not None}
    if isinstance(fields.get("format"), dict) and fields["format"].get("type") == "grammar":
        rules = {name: value for name, value in fields["format"].items() if name != "type"}
        fields["format"] = {"type": "grammar", "grammar": rules}
    return {"type": kind, kind: fields}


def _flatten(tool: Mapping[str, Any], field: str) -> dict[str, Any]:
    kind = tool.get("type")
    fields = tool.get(str(kind))
    if not isinstance(fields, dict):
        raise wrong_field(f"{field}.{kind}", "must be an object")
    fields = dict(fields)
    form = fields.get("format")
    if isinstance(form, dict) and isinstance(form.get("grammar"), dict):
        fields["format"] = {"type": "grammar", **form["grammar"]}
    return {"type": kind, **fields}


def _require_kind(choice: Mapping[str, Any]) -> None:
    if choice.get("type") not in KINDS:
        raise wrong_field("tool_choice.type", "must be 'function', 'custom' or 'allowed_tools'")


def _require_tools(tools: Any, field: str) -> list[dict[str, Any]]:
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise wrong_field(field, "must be a list of tools")
    return tools
