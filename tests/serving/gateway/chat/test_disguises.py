"""Disguised personal data and denied terms in requests: each kind of disguise with each value, on the policy's real path."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from serving.audit.entry import AuditEntry
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.checks import check_request
from serving.gateway.chat.deltas import ChoiceStream
from serving.gateway.protocols.chat import CHAT
from serving.http.problems import Forbidden
from tests.support.gateway import build_policy

SSN, CARD, PHONE, EMAIL, TERM = (
    "123-45-6789",
    "4111 1111 1111 1111",
    "+1 (555) 123-4567",
    "jo.doe@example.com",
    "Bluebird",
)
VALUES = {"ssn": SSN, "card": CARD, "phone": PHONE, "email": EMAIL, "term": TERM}
DENIED = {"terms": ["Bluebird"]}
Body = dict[str, Any]
Build = Callable[[str], Body]


def user(content: Any) -> Body:
    return {"model": "m", "messages": [{"role": "user", "content": content}]}


def in_text(change: Callable[[str], str]) -> Build:
    return lambda value: user(f"It is {change(value)} as agreed")


def map_each(change: Callable[[str], str], only: Callable[[str], bool] = str.isalnum) -> Build:
    return in_text(lambda value: "".join(change(c) if only(c) else c for c in value))


def between(separator: str) -> Build:
    return in_text(separator.join)


def middle(value: str) -> int:
    return len(value) // 2


def digits_from(zero: int) -> Build:
    return map_each(lambda c: chr(zero + int(c)), str.isdigit)


def gaps(separator: str) -> Build:
    """Replace the separators that a value is written with."""
    return in_text(lambda value: "".join(separator if c in " -" else c for c in value))


def parts(*texts: str) -> Body:
    return user([{"type": "text", "text": text} for text in texts])


def messages(*texts: str) -> Body:
    return {"model": "m", "messages": [{"role": "user", "content": text} for text in texts]}


def in_file(head: str, encoding: str = "utf-8", *, width: int = 0, field: str = "file_data") -> Build:
    def build(value: str) -> Body:
        data = base64.b64encode(f"é {value} ".encode(encoding)).decode()
        if width:
            data = "\r\n".join(data[start : start + width] for start in range(0, len(data), width))
        return user([{"type": "file", "file": {"filename": "a.txt", field: head + data}}])

    return build


def nested(depth: int, *, escapes: bool = False) -> Build:
    def build(value: str) -> Body:
        text = json.dumps({"say": value})
        if escapes:
            text = text.replace(value, "".join(f"\\u{ord(c):04x}" for c in value))
        for _ in range(depth):
            text = json.dumps({"inner": text})
        return user(text)

    return build


def with_field(name: str) -> Build:
    def build(value: str) -> Body:
        text = (value.replace(" ", "-").replace("(", "").replace(")", "") + "/") * 8
        return user([{"type": "x", name: text}])

    return build


ANY = ("ssn", "card", "phone", "email", "term")
DIGITS = ("ssn", "card", "phone")
DISGUISES: dict[str, tuple[tuple[str, ...], Build]] = {
    "as it is": (ANY, in_text(str)),
    "two parts": (ANY, lambda v: parts(f"It is {v[: middle(v)]}", f"{v[middle(v) :]} as agreed")),
    "three parts": (ANY, lambda v: parts(v[:4], v[4:7], v[7:])),
    "each character a part": (ANY, lambda v: parts(*v)),
    "two items of Responses": (ANY, lambda v: {"model": "m", "input": messages(v[: middle(v)], v[middle(v) :])["messages"]}),
    "a part that ends with a space": (("ssn", "card", "term"), lambda v: parts(v[: v.replace("-", " ").find(" ") + 1] + " ", v[v.replace("-", " ").find(" ") + 1 :])),
    "parts at a gap": (("ssn", "card"), lambda v: parts(*v.replace("-", " ").split(" "))),
    "two messages": (ANY, lambda v: messages(f"It is {v[: middle(v)]}", f"{v[middle(v) :]} as agreed")),
    "each character a message": (ANY, lambda v: messages(*v)),
    "Arabic-Indic digits": (DIGITS, digits_from(0x660)),
    "Persian digits": (DIGITS, digits_from(0x6F0)),
    "Devanagari digits": (DIGITS, digits_from(0x966)),
    "Bengali digits": (DIGITS, digits_from(0x9E6)),
    "full-width digits": (DIGITS, digits_from(0xFF10)),
    "mathematical digits": (DIGITS, digits_from(0x1D7CE)),
    "circled digits": (DIGITS, map_each(lambda c: "⓪①②③④⑤⑥⑦⑧⑨"[int(c)], str.isdigit)),
    "negative circled digits": (DIGITS, map_each(lambda c: "⓿❶❷❸❹❺❻❼❽❾"[int(c)], str.isdigit)),
    "parenthesised digits": (("ssn", "card"), map_each(lambda c: "0⑴⑵⑶⑷⑸⑹⑺⑻⑼"[int(c)], str.isdigit)),
    "keycaps": (DIGITS, map_each(lambda c: f"{c}\ufe0f\u20e3", str.isdigit)),
    "regional indicators": (("term",), map_each(lambda c: chr(0x1F1E6 + ord(c.lower()) - 97))),
    "negative squared letters": (("term",), map_each(lambda c: chr(0x1F170 + ord(c.lower()) - 97))),
    "gaps of two spaces": (("ssn", "card"), gaps("  ")),
    "gaps of line feeds": (("ssn", "card"), gaps("\n")),
    "gaps of tabs": (("ssn", "card"), gaps("\t")),
    "gaps of dots": (("ssn", "card"), gaps(".")),
    "gaps of underscores": (("ssn", "card"), gaps("_")),
    "gaps of slashes": (("ssn", "card"), gaps("/")),
    "gaps of spaced hyphens": (("ssn", "card"), gaps(" - ")),
    "mixed gaps": (("ssn", "card"), in_text(lambda v: v.replace(" ", "-", 1).replace("-", " ", 1))),
    "spaced characters": (("ssn", "card", "email", "term"), in_text(lambda v: " ".join(v.replace(" ", "")))),
    "dotted letters": (("term",), between(".")),
    "underscored letters": (("term",), between("_")),
    "slashed letters": (("term",), between("/")),
    "lines of letters": (("term",), between("\n")),
    "bold in the middle": (ANY, in_text(lambda v: f"{v[:2]}**{v[2:5]}**{v[5:]}")),
    "emphasis in the middle": (ANY, in_text(lambda v: f"{v[:2]}*{v[2:5]}*{v[5:]}")),
    "code in the middle": (ANY, in_text(lambda v: f"{v[:2]}`{v[2:5]}`{v[5:]}")),
    "strikethrough": (ANY, in_text(lambda v: f"{v[:2]}~~{v[2:5]}~~{v[5:]}")),
    "HTML tags": (ANY, in_text(lambda v: f'{v[:2]}<b class="x">{v[2:5]}</b>{v[5:]}')),
    "tags between characters": (ANY, between("<i></i>")),
    "HTML comment": (ANY, in_text(lambda v: f"{v[:5]}<!-- a b -->{v[5:]}")),
    "decimal entities": (ANY, map_each(lambda c: f"&#{ord(c)};", bool)),
    "entities without semicolons": (ANY, map_each(lambda c: f"&#{ord(c)}", bool)),
    "hexadecimal entities": (ANY, map_each(lambda c: f"&#x{ord(c):X};")),
    "named entities": (("ssn", "email"), in_text(lambda v: v.replace("-", "&hyphen;").replace("@", "&commat;"))),
    "double entities": (ANY, map_each(lambda c: f"&amp;#{ord(c)};")),
    "Unicode escapes": (ANY, map_each(lambda c: f"\\u{ord(c):04x}", bool)),
    "one Unicode escape": (ANY, in_text(lambda v: f"{v[:3]}\\u{ord(v[3]):04x}{v[4:]}")),
    "hexadecimal escapes": (ANY, map_each(lambda c: f"\\x{ord(c):02x}", bool)),
    "braced escapes": (ANY, map_each(lambda c: f"\\u{{{ord(c):x}}}", bool)),
    "URL-encoded": (ANY, in_text(lambda v: quote(v, safe=""))),
    "URL-encoded characters": (ANY, map_each(lambda c: f"%{ord(c):02X}", bool)),
    "URL-encoded twice": (ANY, map_each(lambda c: f"%25{ord(c):02X}", bool)),
    "tag characters": (ANY, in_text(lambda v: "".join(chr(0xE0000 + ord(c)) for c in v))),
    "zero-width spaces": (ANY, between("\u200b")),
    "text file": (ANY, in_file("data:text/plain;base64,")),
    "DATA:": (ANY, in_file("DATA:text/plain;base64,")),
    "TEXT/": (ANY, in_file("data:TEXT/PLAIN;BASE64,")),
    "Latin-1": (ANY, in_file("data:text/plain;charset=iso-8859-1;base64,", "latin-1")),
    "Latin-1 unnamed": (ANY, in_file("data:text/plain;base64,", "latin-1")),
    "UTF-16": (ANY, in_file("data:text/plain;base64,", "utf-16")),
    "UTF-16 without mark": (ANY, in_file("data:text/plain;charset=utf-16le;base64,", "utf-16-le")),
    "wrapped lines": (ANY, in_file("data:text/plain;base64,", width=16)),
    "without a data URL": (ANY, in_file("")),
    "JSON in JSON": (ANY, nested(1)),
    "JSON at depth 4": (ANY, nested(4)),
    "escapes in JSON": (ANY, nested(0, escapes=True)),
    "escapes at depth 3": (ANY, nested(3, escapes=True)),
    "data": (("ssn", "card"), with_field("data")),
    "signature": (("ssn", "card"), with_field("signature")),
    "float": (("card",), lambda _: {**user("x"), "metadata": {"n": 4111111111111111.0}}),
    "negative": (("card",), lambda _: {**user("x"), "metadata": {"n": -4111111111111111}}),
    "float in JSON": (("card",), lambda _: user('{"n": 4111111111111111.0}')),
}  # fmt: skip


def cases() -> Iterator[Any]:
    for name, (kinds, build) in DISGUISES.items():
        for kind in kinds:
            yield pytest.param(build, VALUES[kind], id=f"{name}-{kind}")


def check(action: str, body: Body) -> tuple[Body, PolicySession]:
    policy = build_policy(action, denylist={**DENIED, "action": action})
    session = PolicySession(policy, "/v1/chat/completions", AuditEntry({"type": "http"}))
    check_request(body, session, CHAT)
    return body, session


@pytest.mark.parametrize(("build", "value"), list(cases()))
def test_a_disguised_value_is_stopped(build: Build, value: str) -> None:
    with pytest.raises(Forbidden):
        check("block", build(value))
    redacted, session = check("redact", build(value))
    assert session.flags
    assert redacted != build(value)
    again, _ = check("block", json.loads(json.dumps(redacted)))  # nothing is left to find
    assert again == redacted


@pytest.mark.parametrize("name", ["data", "signature"])
@pytest.mark.parametrize("value", ["Ab3d" * 32, f"{'Ab3d' * 16}/123456789/{'Ab3d' * 16}"])
def test_encoded_content_is_unread_whether_or_not_it_has_digits_in_a_row(name: str, value: str) -> None:
    body, session = check("redact", user([{"type": "x", name: value}]))
    assert body == user([{"type": "x", name: value}])
    assert session.unread_kinds == ("data",)
    policy = build_policy(unread="block")
    with pytest.raises(Forbidden):
        check_request(body, PolicySession(policy, "/v1/chat/completions", AuditEntry({"type": "http"})), CHAT)


def test_an_unknown_nested_field_of_a_stream_is_checked_as_one_text() -> None:
    session = PolicySession(build_policy(), "/v1/chat/completions", AuditEntry({"type": "http"}))
    stream = ChoiceStream(0, session)
    choices = []
    for character in f"It is {SSN} now":
        held, choice = stream.feed({"index": 0, "delta": {"x": {"y": character}}, "finish_reason": None})
        choices += [*held, *([choice] if choice else [])]
    choices += stream.finish()
    assert "".join(choice["delta"]["x"]["y"] for choice in choices) == "It is [SSN_1] now"
