"""Each kind of personal data: what is one, and what only looks like one."""

import subprocess
import sys
from pathlib import Path

import pytest

from serving.gateway.policy.normal_text import normal_text_of
from serving.gateway.policy.personal import FINDERS, KINDS, Kind

# Put together here, so that no scanner of repositories takes an example for a secret.
_A, _9 = "A" * 40, "9" * 40
TRUE: dict[Kind, list[str]] = {
    "ssn": [
        "123-45-6789",
        "123 45 6789",
        "078.05.1120",
        "899-12-3456",
        "001-01-0001",
        "665-10-1000",
        "667-10-1000",
        "x: 219-09-9999.",
        "123-45-6789 555-123-4567",
        "SSN: 219099999",
        "social security number is 219099999",
    ],
    "credit_card": [
        "4111 1111 1111 1111",
        "4111111111111111",
        "5500-0000-0000-0004",
        "340000000000009",
        "3782 822463 10005",
        "6011000000000004",
        "2223003122003222",
        "30000000000004",
        "4111 1111 1111 1111 22",
        "10 4111 1111 1111 1111",
        "1234 5678 9012 3456 7890 1234 5678 4111 1111 1111 1111 2",
        "4111 1111 1111 1111 123",
        "6212 3456 7890 1232",
        "6759 6498 2643 8453",
        "3530111333300000",
        "3056 930902 5904",
        "番号4111111111111111です",
        "card:4111111111111111,",
        "visa-4111-1111-1111-1111",
        "4012.8888.8888.1881",
    ],
    "iban": [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "GB82 WEST 1234 5698 7654 32",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NL91ABNA0417164300",
        "ch93 0076 2011 6238 5295 7",
        "NO93-8601-1117-947",
        "ES9121000418450200051332",
        "IBANFR7630006000011234567890189",
    ],
    "email": [
        "a@b.de",
        "First.Last+tag@sub.example.co.uk",
        "<jo@example.com>",
        "mailto:jo@example.com",
        "x_y%z@ex-ample.org,",
        "jo@example.com.",
        "JO@EXAMPLE.COM",
        "\uff4ao@example.com",
        "o'neil@example.ie",
        "'jo@example.com'",
        "jo@example.com:4711",
    ],
    "phone": [
        "+49 30 901820",
        "+1 (555) 123-4567",
        "(555) 123-4567",
        "555-123-4567",
        "555.123.4567",
        "+442071838750",
        "1-800-555-0199",
        "+33 1 23 45 67 89",
        "+49 (0)171 1234567",
        "+1 555 123 4567",
        "555 123 4567",
        "020 7183 8750",
        "030/901820",
        "(0221) 1234567",
        "01 42 68 53 00",
        "06.12.34.56.78",
        "612 34 56 78",
        "91 456 78 90",
        "347 123 4567",
        "06-12345678",
        "03-3123-4567",
        "番号は090-1234-5678です",
        "0049 89 1234567",
        "0044 (0)20 7946 0958",
        "030 901820-0",
        "Cell. 347 1234567",
        "Phone: 2125550147",
        "Tél. : 0142685300",
        "móvil 612 345 678",
        "電話\uff1a03-5321-1111です",
        "ufficio:02 1234 5678",
        "电话\uff1a0049 89 1234567",
        "+49 (0) 89 / 5433-1020",
        "030 / 901820",
        "020 - 1234567",
        "Handynummer lautet 0176 4455 6677",
        "my cell is 4155550132",
        "mon numéro est le 0612345678",
        "Mi teléfono es 612345678",
        "llámame al 655123456",
        "Il mio cellulare è 3471234567",
        "chiamami al 347-1234567",
        "Mijn nummer is 0612345678",
        "携帯は09012345678です",
        "Ring me on 07911123456.",
        "meine Nummer ist 01701234567",
    ],
    "ip": [
        "192.168.0.1",
        "8.8.8.8,",
        "(10.0.0.255)",
        "2001:db8::8a2e:370:7334",
        "fe80::1ff:fe23:4567:890a",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "at 172.16.254.1:",
        "::ffff:c000:280",
        "192.0.2.1/24",
        "2001:db8::1/64",
        "203.0.113.9/32",
    ],
    "api_key": [
        "sk-" + _A,
        "sk-proj-" + _A,
        "AKIA" + _9[:16],
        "ghp_" + _A,
        "xoxb-" + _9,
        "AIza" + _A[:35],
        "eyJ" + _A + ".eyJ" + _A + "." + _A,
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "glpat-" + _A[:20],
        "hf_" + _A,
        "mlg_" + _A,
        "sk_" + "live_" + _A[:24],
        "gsk_" + _A,
        "npm_" + _A[:36],
        "pypi-" + _A,
        "SG." + _A[:22] + "." + _A + "AAA",
        "xai-" + _A + _A,
        "dckr_pat_" + _A,
        "shpat_" + _9[:32],
        "dop_v1_" + (_9 + _9)[:64],
        "tvly-" + _A,
        "pplx-" + _A + "A" * 8,
        "ya29." + _A,
        "whsec_" + _A[:32],
        "lin_api_" + _A,
        "https://hooks.slack.com/services/T0000000A/B0000000A/" + _A[:24],
    ],
}
FALSE: dict[Kind, list[str]] = {
    "ssn": [
        "000-12-3456",
        "666-12-3456",
        "912-12-3456",
        "123-00-4567",
        "123-45-0000",
        "123456789",
        "123-45 6789",
        "1123-45-6789",
        "2013-01-05",
        "899 12 3456 120",
        "12 120 45 2013",
        "123-45-6789-0",
        "A123-45-6789",
        "SSN 219099999.5",
        "lesson 219099999",
    ],
    "credit_card": [
        "4111 1111 1111 1112",
        "1234567890123456",
        "0000000000000000",
        "411111111111",
        "1700000000000",
        "3.141592653589793",
        "9111111111111111",
        "12 34 56 78",
        "4222222222222",
        "2023 2024 2025 2026",
        "20260823000100",
        "20260823000100_reap_stale.sql",
        "47223179-9330-4259-b66c-f2db26efb20c",
        "41111111-1111-1111",
        "4111 1111-1111 1111",
        "411111 1111 111111",
        "4111-1111-1111-1111-1234",
        "id4111111111111111",
        "4111111111111111.5",
        "7012345678901230",
        "4012.8888 8888.1881",
    ],
    "iban": [
        "DE88370400440532013000",
        "XX89370400440532013000",
        "DE8937040044053201300",
        "GB82 WEST",
        "de89 is a code",
        "ab12cd34ef56gh78",
        "ADE89370400440532013000",
        "DE893704004405320130000",
        "DEA9370400440532013000",
        "GB82123412345698765432",
    ],
    "email": [
        "a@b",
        "@example.com",
        "jo@",
        "jo at example.com",
        "a @ b.de",
        "user@localhost",
        "pip install x@1.2",
        "@dataclass",
        "git@github.com:org/repo.git",
        "logo@2x.png",
        "icon@3x.webp",
        "getty@tty1.service",
        "pkg@1.2.3.tgz",
    ],
    "phone": [
        "2013-01-05",
        "12:30",
        "1234567",
        "3.1415926535",
        "555-1234",
        "100-200",
        "+1",
        "1,234,567,890",
        "+0200 20130501",
        "+999 123 456 789",
        "05.01.2013",
        "01-02-2013 0915",
        "0234-013-32",
        "120 340 5678 2013",
        "12 345 678 9012",
        "155-123-4567",
        "0001 0002 0003",
        "12 61 23 45 67",
        "7012 34 56 78",
        "10.0.0.255",
        "0012345678901",
        "00 12 34 56 78 90",
        "Tel. 12 345 678",
        "hotel 3471234567",
        "cell 12345678",
        "01 - 02 - 2013 0915",
        "10:030 901820",
        "01 / 12345678",
        "01 02 03 04 05 06",
        "02 04 2026 18 30",
        "0800 1200 1600 2000",
        "Kundennummer ist 0612345678",
    ],
    "ip": [
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "v1.2.3.4",
        "version 1.2.3.4",
        "==1.2.3.4",
        'Version="4.1.2.10"',
        "version: 4.8.1.2",
        "Chrome/120.0.0.0",
        ">=1.2.3.4",
        "~=1.2.3.4",
        "section 4.3.2.1",
        "§ 10.4.2.1",
        "figure 2.1.1.3",
        "OID 2.5.29.17",
        "WBS 4.1.2.3",
        "192.168.0.0/16",
        "255.255.255.0",
        "0.0.0.255",
        "2001:db8::/32",
        "::ffff:0:0/96",
        "12:30:45",
        "std::vector",
        "a::b",
        "version 1.10.2",
        "::",
        "999.999.999.999",
    ],
    "api_key": [
        "sk-short",
        "task-" + _A,
        "AKIA123",
        "ghp_short",
        "eyJhbGciOi",
        "PRIVATE KEY",
        "hf_hub",
        "xox-1",
        "risk-adjusted-return-on-capital",
        "shpat_short",
        "hooks.slack.com/services/",
    ],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in KINDS for text in TRUE[kind]])
def test_what_is_one_is_found(kind: Kind, text: str) -> None:
    for around in ("{}", "It is {} there", "\n{}\n"):
        assert len(list(FINDERS[kind](normal_text_of(around.format(text)).text, 0))) == 1


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in KINDS for text in FALSE[kind]])
def test_what_only_looks_like_one_is_not(kind: Kind, text: str) -> None:
    assert list(FINDERS[kind](normal_text_of(f"It is {text} there").text, 0)) == []


def test_three_cards_in_a_row_are_three() -> None:
    assert len(list(FINDERS["credit_card"](" ".join(["4111 1111 1111 1111"] * 3), 0))) == 3


def test_a_number_ends_where_another_begins() -> None:
    text = "+33 1 42 68 53 00 12 34, 030 901820 2 mal, 020-1234567 06 12 34 56 78"
    numbers = ["+33 1 42 68 53 00", "030 901820", "020-1234567", "06 12 34 56 78"]
    assert [text[first:end] for first, end in FINDERS["phone"](text, 0)] == numbers


@pytest.mark.parametrize("line", (Path(__file__).parent / "data" / "not-cards.txt").read_text().splitlines())
def test_harmless_numbers_have_no_finding(line: str) -> None:
    assert [kind for kind in KINDS for _ in FINDERS[kind](line, 0)] == []


def test_the_numbering_plans_are_not_loaded_for_a_text_without_candidates() -> None:
    code = (
        "import sys; from serving.gateway.policy.personal import FINDERS, KINDS\n"
        "for kind in KINDS: list(FINDERS[kind]('on 2013-01-05 at 10:30, 1,234 orders', 0))\n"
        "sys.exit('phonenumbers' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_kind_has_at_least_eight_examples_of_both_sorts() -> None:
    assert all(len(TRUE[kind]) >= 8 and len(FALSE[kind]) >= 8 for kind in KINDS)
