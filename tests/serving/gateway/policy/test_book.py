"""`policies.yaml`: what it says holds, also after a change; what is wrong in it is named and never takes effect."""

import os
from pathlib import Path

import pytest

from serving.gateway.policy import book
from serving.gateway.policy.book import PolicyBook, PolicyError
from serving.gateway.policy.vault import Vault


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policies.yaml"


def write(path: Path, text: str) -> None:
    path.write_text(text)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def test_a_project_changes_only_what_it_names(path: Path) -> None:
    write(
        path,
        "default: {pii: {email: redact}}\n"
        "projects: {clinic: {denylist: {terms: [Lazarus], action: block}, pii: {phone: off}}}",
    )
    policies = PolicyBook(path)
    assert policies.of("clinic").request("a@b.de +49 30 901820", Vault()).text == "[EMAIL_1] +49 30 901820"
    assert policies.of("clinic").request("lazarus", Vault()).blocked
    assert not policies.of("clinic").request("my SSN", Vault()).findings
    assert not policies.of("other").request("lazarus", Vault()).blocked
    assert [finding.rule for finding in policies.of(None).request("SSN", Vault()).findings] == ["denylist"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("default: {pii: {emial: redact}}", "default.pii.emial"),
        ("default: {pii: {email: remove}}", "default.pii.email.action"),
        ("projects: {p: {denylist: {terms: [x]}}}", "projects.p.denylist.terms.0"),
        ("defaults: {}", "defaults"),
        ("projects: {p: {injection: {action: redact}}}", "projects.p.injection.action"),
        ("default: [", "not YAML"),
        ("- a", "policies.yaml: must be an object with named fields"),
    ],
)
def test_a_wrong_field_is_named(path: Path, text: str, named: str) -> None:
    write(path, text)
    with pytest.raises(PolicyError, match=r"policies\.yaml: ") as raised:
        PolicyBook(path)
    assert named in str(raised.value)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        PolicyBook(path)


def test_a_change_takes_effect_and_a_wrong_one_does_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "_RELOAD_S", -1.0)
    write(path, "default: {denylist: {terms: [first]}}")
    policies = PolicyBook(path)
    write(path, "default: {denylist: {terms: [second]}}  # changed")
    assert policies.of(None).request("second", Vault()).findings
    in_force = policies.of(None).hash
    write(path, "default: {denylist: {terms: wrong}} # again")
    assert policies.of(None).hash == in_force
    assert "default.denylist.terms" in (policies.problem or "")
    path.unlink()
    assert policies.of(None).hash == in_force
    write(path, "default: {denylist: {terms: [third]}}")
    assert policies.of(None).request("third", Vault()).findings
    assert policies.problem is None
