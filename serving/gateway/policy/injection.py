"""Phrases of prompt injection. The patterns are heuristics: they cover common phrases, not all.

`docs/policy.md` gives their hit rates on the phrases of the tests.
"""

import re
from collections.abc import Sequence

_TARGETS = r"(?:instructions?|prompts?|rules?|directions?|guidelines?|commands?|messages?|directives?|context|training)"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing|former|original|initial|existing|given)"
_ALL = r"(?:all|any|every|each|the|your|my|these|those|of)"
_DROP = r"(?:ignore|disregard|forget|override|overrule|bypass|discard|neglect|skip|drop)"

_DROPS = ("ignore", "disregard", "forget", "overr", "bypass", "discard", "neglect", "skip", "drop")

# Each pattern with words of which every match contains at least one: most texts contain none, and the search for words is fast.
_ON_REQUESTS = (
    (_DROPS, rf"\b{_DROP}\s+(?:{_ALL}\s+){{0,3}}(?:{_EARLIER}\s+)(?:\w+\s+)?{_TARGETS}"),
    (
        _DROPS,
        rf"\b{_DROP}\s+(?:{_ALL}\s+){{1,3}}(?:(?:system|safety|content|security)\s+)?(?:instructions|prompts?|rules|guidelines|directives)\b",
    ),
    (_DROPS, rf"\b{_DROP}\s+(?:everything|anything|all)\s+(?:that\s+)?(?:you|i|we|they|was|were|has|above|before)\b"),
    (
        ("follow", "obey", "adher"),
        rf"\b(?:do\s+not|don't|stop)\s+(?:follow|obey|adher\w+\s+to|following|obeying)\s+(?:{_ALL}\s+){{0,3}}(?:{_EARLIER}\s+)?(?:system\s+)?{_TARGETS}",
    ),
    (
        ("system", "hidden", "secret", "initial", "original", "developer"),
        (
            r"\b(?:reveal|show|print|repeat|output|display|leak|tell\s+me|give\s+me|write\s+out|what\s+(?:is|are|was|were))\s+"
            r"(?:me\s+)?(?:your|the)\s+(?:\w+\s+){0,2}(?:system|hidden|secret|initial|original|developer)\s+(?:prompt|instructions?|message|rules)\b"
        ),
    ),
    (("repeat",), r"\brepeat\s+(?:the\s+words|everything|all\s+text|the\s+text)\s+(?:above|before)\b"),
    (
        ("dan", "stan", "jailbroken", "unrestricted", "unfiltered", "mode"),
        r"\byou\s+are\s+(?:now\s+)?(?:dan|stan|jailbroken|unrestricted|unfiltered|in\s+(?:developer|debug|god|admin|dan)\s+mode)\b",
    ),
    (
        ("mode",),
        r"\b(?:enable|enter|activate|switch\s+to|turn\s+on)\s+(?:the\s+)?(?:developer|debug|god|dan|jailbreak|admin|sudo)\s+mode\b",
    ),
    (("anything",), r"\bdo\s+anything\s+now\b"),
    (
        ("restriction", "rule", "filter", "limit", "guideline", "guardrail", "censorship", "policies"),
        (
            r"\b(?:pretend|act|behave|respond|answer|roleplay|imagine)\b[^.\n]{0,60}\b(?:no|without|free\s+of|ignoring)\s+"
            r"(?:any\s+|all\s+|your\s+)?(?:\w+\s+)?(?:restrictions?|rules|filters?|limits?|limitations|guidelines|guardrails|censorship|policies)\b"
        ),
    ),
    (
        ("filter", "guardrail", "moderation", "safeguard", "restriction", "safety"),
        (
            r"\b(?:bypass|disable|turn\s+off|circumvent|evade|get\s+around)\s+(?:all\s+|any\s+|your\s+|the\s+|its\s+)*"
            r"(?:safety|content|security)?\s*(?:filters?|guardrails?|moderation|safeguards?|restrictions|safety\s+\w+)\b"
        ),
    ),
    (("<|",), r"<\|(?:im_start|im_end|system|endoftext|eot_id|start_header_id)\|>"),
    (("inst]", "sys>>"), r"\[/?inst\]|<</?sys>>"),
    (
        ("system", "instruction"),
        r"(?:^|\n)\s*(?:#{2,}|-{3,}|\*{2,})\s*(?:new\s+)?(?:system|instructions?|system\s+prompt)\s*:?",
    ),
    (
        ("system", "developer", "assistant"),
        r"(?:^|\n)\s*(?:system|developer|assistant)\s*:\s*(?:you|ignore|from\s+now|new|override)\b",
    ),
    (
        ("instruction", "task", "objective", "system"),
        r"\b(?:your\s+)?(?:new|updated|real|actual)\s+(?:instructions?|task|objective|system\s+prompt)\s*(?:is|are)?\s*:",
    ),
    (
        ("now",),
        r"\bfrom\s+now\s+on,?\s+you\s+(?:will|are|must|shall)\b[^.\n]{0,40}\b(?:only|never|always|no\s+longer|unrestricted|obey)\b",
    ),
)
_ON_PASSAGES = (
    (
        ("ai", "llm", "assistant", "model", "chatbot", "agent"),
        r"\bif\s+you\s+are\s+(?:an?\s+)?(?:ai|llm|assistant|language\s+model|chatbot|agent)\b",
    ),
    (
        ("ai", "llm", "assistant", "model", "chatbot", "agent"),
        (
            r"\b(?:attention|note\s+to|important|message\s+(?:to|for)|instructions?\s+(?:to|for))\W{0,3}\s*(?:any\s+|all\s+|the\s+)?"
            r"(?:ai|llms?|ais|assistants?|language\s+models?|chatbots?|agents?)\b"
        ),
    ),
    (
        ("user",),
        r"\b(?:do\s+not|don't|never)\s+(?:tell|mention|reveal|show|inform|disclose)\b[^.\n]{0,30}\b(?:the\s+)?users?\b",
    ),
    (("user",), r"\b(?:tell|instruct|convince|ask)\s+the\s+user\s+(?:to|that)\b"),
    (
        ("must", "always", "include", "insert", "append", "say"),
        r"\b(?:when|while|before|instead\s+of)\s+(?:you\s+)?(?:answer|summari[sz]|respond|reply)\w*\b[^.\n]{0,60}\b(?:you\s+must|always|include|insert|append|say)\b",
    ),
    (
        ("key", "password", "credential", "secret", "conversation", "history", "tokens"),
        r"\b(?:send|post|forward|exfiltrate|upload|e-?mail)\b[^.\n]{0,60}\b(?:api\s+keys?|passwords?|credentials|secrets?|conversation|chat\s+history|tokens)\b",
    ),
)


def _compile(
    phrases: Sequence[tuple[Sequence[str], str]],
) -> tuple[set[str], Sequence[tuple[Sequence[str], re.Pattern[str]]]]:
    """Return the words of all phrases, and the phrases with compiled patterns."""
    return {word for words, _ in phrases for word in words}, [
        (words, re.compile(pattern)) for words, pattern in phrases
    ]


_requests = _compile(_ON_REQUESTS)
_passages = _compile((*_ON_REQUESTS, *_ON_PASSAGES))


def count_injections(normal: str, *, passage: bool) -> int:
    """Count phrases of prompt injection in a normal text; for a passage, also instructions to a model, which a source has no reason to give."""
    words_of_all, phrases = _passages if passage else _requests
    present = {word for word in words_of_all if word in normal}
    if not present:
        return 0
    return sum(len(list(pattern.finditer(normal))) for words, pattern in phrases if not present.isdisjoint(words))
