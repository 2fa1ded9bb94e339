"""The rules of a policy as written in `policies.yaml`; unknown fields are errors."""

from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from serving.gateway.policy.personal import Kind

Action: TypeAlias = Literal["off", "flag", "redact", "block"]
Side: TypeAlias = Literal["request", "response", "passage"]
Term = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100)]
_SIDES: tuple[Side, ...] = ("request", "response")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Strict):
    """The action on a finding, and the sides that are checked.

    Attributes
    ----------
    reversible : whether a value redacted in a request is restored in its answer.
    """

    action: Action = "flag"
    sides: tuple[Side, ...] = _SIDES
    reversible: bool = False


class Denylist(Rule):
    """Denied terms, matched as whole words regardless of case and width."""

    terms: Annotated[tuple[Term, ...], Field(max_length=2_000)] = ()


class Injection(_Strict):
    """The rule for prompt injection; a blocked passage is left out.

    Attributes
    ----------
    threshold : probability above which the classifier has a finding; 1 for the patterns alone.
    """

    action: Literal["off", "flag", "block"] = "flag"
    sides: tuple[Literal["request", "passage"], ...] = ("request", "passage")
    threshold: Annotated[float, Field(ge=0.5, le=1)] = 0.97


class Unread(_Strict):
    """The rule for parts of a request that cannot be read: images, audio, video, files."""

    action: Literal["off", "flag", "block"] = "flag"


def _as_rule(value: Any) -> Any:
    # YAML reads a bare `off` as false.
    if value is False:
        value = "off"
    return {"action": value} if isinstance(value, str) else value


PersonalRule = Annotated[Rule, BeforeValidator(_as_rule)]
UnreadRule = Annotated[Unread, BeforeValidator(_as_rule)]


class Personal(_Strict):
    """Kinds of personal data and secrets; a bare word is an action."""

    ssn: PersonalRule = Rule()
    credit_card: PersonalRule = Rule()
    iban: PersonalRule = Rule()
    email: PersonalRule = Rule()
    phone: PersonalRule = Rule()
    ip: PersonalRule = Rule()
    api_key: PersonalRule = Rule()

    def of(self, kind: Kind) -> Rule:
        """Return the rule of a kind."""
        rule: Rule = getattr(self, kind)
        return rule


class PolicyRules(_Strict):
    """All rules of a project."""

    denylist: Denylist = Denylist()
    pii: Personal = Personal()
    injection: Injection = Injection()
    unread: UnreadRule = Unread()

    @property
    def all_redacted(self) -> "PolicyRules":
        """Return these rules with every action but off replaced by redact on every side, and the rules that cannot redact off."""
        kinds = {kind: _to_redaction(getattr(self.pii, kind)) for kind in Personal.model_fields}
        return PolicyRules(
            denylist=_to_redaction(self.denylist),
            pii=Personal(**kinds),
            injection=Injection(action="off"),
            unread=Unread(action="off"),
        )


_R = TypeVar("_R", bound=Rule)


def _to_redaction(rule: _R) -> _R:
    if rule.action == "off":
        return rule
    return rule.model_copy(
        update={"action": "redact", "sides": ("request", "response", "passage"), "reversible": False}
    )
