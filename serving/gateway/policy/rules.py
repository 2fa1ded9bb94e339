"""The rules of a policy as people write them in `policies.yaml`; every wrong field is named."""

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
    """What happens where something is found, and where it is looked for.

    Attributes
    ----------
    reversible : whether what was redacted in a request is put back into its answer.
    """

    action: Action = "flag"
    sides: tuple[Side, ...] = _SIDES
    reversible: bool = False


class Denylist(Rule):
    """Terms that are looked for as whole words, whatever their case or width."""

    terms: Annotated[tuple[Term, ...], Field(max_length=2_000)] = ()


class Injection(_Strict):
    """Phrases that try to turn the model; a blocked passage is left out."""

    action: Literal["off", "flag", "block"] = "flag"
    sides: tuple[Literal["request", "passage"], ...] = ("request", "passage")


def _as_rule(value: Any) -> Any:
    # YAML reads a bare `off` as false.
    if value is False:
        value = "off"
    return {"action": value} if isinstance(value, str) else value


PersonalRule = Annotated[Rule, BeforeValidator(_as_rule)]


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
        """The rule of a kind."""
        rule: Rule = getattr(self, kind)
        return rule


class PolicyRules(_Strict):
    """All rules of a project."""

    denylist: Denylist = Denylist()
    pii: Personal = Personal()
    injection: Injection = Injection()

    @property
    def all_redacted(self) -> "PolicyRules":
        """The same rules, with every finding but those of injection redacted on every side; what is off stays off."""
        kinds = {kind: _redacting(getattr(self.pii, kind)) for kind in Personal.model_fields}
        return PolicyRules(denylist=_redacting(self.denylist), pii=Personal(**kinds), injection=Injection(action="off"))


_R = TypeVar("_R", bound=Rule)


def _redacting(rule: _R) -> _R:
    if rule.action == "off":
        return rule
    return rule.model_copy(
        update={"action": "redact", "sides": ("request", "response", "passage"), "reversible": False}
    )
