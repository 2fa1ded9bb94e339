"""Decides whether a tool may be called: project settings, tool policy, argument schema, content policy. Nothing runs here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from guard_core.project_settings.tools import ToolRule, ToolSettings, fits
from guard_core.settings import Role
from guard_core.units import NANO
from guard_core.validation import reason_of
from serving.assistant.tools.arguments import canonical, check_texts, digest
from serving.assistant.tools.errors import DeniedError
from serving.auth.principal import Principal
from serving.gateway.policy.policy import Policy
from serving.gateway.policy.vault import Vault

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ToolPolicy:
    """Who may call a tool, and the limits of a call; project settings can narrow or widen it.

    Attributes
    ----------
    role : the least role that may call it.
    cost_nano_usd : of one call.
    """

    role: Role = "analyst"
    timeout_s: float = 10.0
    output_bytes: int = 2**20
    cost_nano_usd: int = 0

    def under(self, rule: ToolRule) -> "ToolPolicy":
        """Return the policy with a project's rule applied."""
        return ToolPolicy(
            role=rule.role or self.role,
            timeout_s=rule.timeout_s or self.timeout_s,
            output_bytes=rule.output_bytes or self.output_bytes,
            cost_nano_usd=self.cost_nano_usd if rule.cost_usd is None else round(rule.cost_usd * NANO),
        )


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """A tool of ours.

    Attributes
    ----------
    run : runs the tool; its result is plain JSON.
    check : raises `DeniedError` for arguments that fit the schema but are not allowed.
    """

    name: str
    description: str
    arguments: type[A]
    run: "Callable[[A, ToolContext], Awaitable[Any]]"
    policy: ToolPolicy = ToolPolicy()
    check: Callable[[A], None] | None = None


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The caller of a tool, and the rules that apply."""

    principal: Principal
    project_id: str | None
    request_id: str
    texts: Policy
    settings: ToolSettings


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about a call.

    Attributes
    ----------
    arguments : as they may be passed on, redacted by the content policy.
    on_record : the same for the ledger, with all personal data redacted.
    parsed : the parsed arguments, if it is one of our tools and may run.
    rule, reason : why it is denied; None if it is allowed.
    """

    arguments: Mapping[str, Any]
    on_record: Mapping[str, Any]
    policy: ToolPolicy
    parsed: BaseModel | None = None
    rule: str | None = None
    reason: str | None = None

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the arguments."""
        return digest(self.arguments)


def decide(
    name: str, tool: Tool[Any] | None, arguments: Mapping[str, Any], context: ToolContext, *, raw: bool
) -> Decision:
    """Decide about a call; the decision names the first rule that denies it.

    Parameters
    ----------
    raw : whether the content policy must still check the arguments.
    """
    policy = (tool.policy if tool else ToolPolicy()).under(context.settings.rule(name))
    clean = dict(arguments)
    parsed = None
    denied: DeniedError | None = None
    try:
        _require_allowed(name, tool, policy, context)
        parsed = None if tool is None else _parse(tool, clean)
        _require_arguments(name, clean, context.settings.rule(name))
        if raw:
            clean = _check_request(clean, context.texts)
    except DeniedError as error:
        denied = error
    vault = Vault()
    record = context.texts.for_record
    on_record = check_texts(clean, lambda text: record.request(text, vault).text)
    if denied is not None:
        reason = record.request(denied.reason, vault).text  # it may contain a value of an argument
        return Decision(on_record, on_record, policy, rule=denied.rule, reason=reason)
    return Decision(clean, on_record, policy, parsed)


def _require_allowed(name: str, tool: Tool[Any] | None, policy: ToolPolicy, context: ToolContext) -> None:
    if context.settings.denies(name):
        raise DeniedError("tool.denied", f"The project's settings deny the tool {name}.")
    if tool is None and not context.settings.allows(name):
        raise DeniedError("tool.unknown", f"The tool {name} is unknown; a project's settings can allow it by name.")
    if not context.principal.has_role(policy.role):
        raise DeniedError("tool.role", f"The tool {name} needs a key of role {policy.role}.")


def _parse(tool: Tool[A], arguments: Mapping[str, Any]) -> A:
    try:
        parsed = tool.arguments.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "arguments"
        raise DeniedError("tool.schema", f"{field}: {reason_of(first)}.") from None
    if tool.check is not None:
        tool.check(parsed)
    return parsed


def _require_arguments(name: str, arguments: Mapping[str, Any], rule: ToolRule) -> None:
    if rule.arguments is None:
        return
    for argument, value in arguments.items():
        patterns = rule.arguments.get(argument)
        if patterns is None:
            raise DeniedError(
                "tool.argument", f"The project's settings do not allow {name} to have the argument {argument}."
            )
        text = value if isinstance(value, str) else canonical(value).decode()
        if not fits(text, patterns):
            raise DeniedError(
                "tool.argument", f"The project's settings do not allow this value of {argument} for {name}."
            )


def _check_request(arguments: dict[str, Any], texts: Policy) -> dict[str, Any]:
    vault = Vault()
    rules: set[str] = set()

    def check(text: str) -> str:
        verdict = texts.request(text, vault)
        rules.update(finding.rule for finding in verdict.findings if finding.action == "block")
        return verdict.text

    clean: dict[str, Any] = check_texts(arguments, check)
    if rules:
        raise DeniedError(f"policy.{min(rules)}", f"The policy blocks these arguments ({', '.join(sorted(rules))}).")
    return clean
