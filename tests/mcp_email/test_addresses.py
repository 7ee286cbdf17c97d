"""One text is one address, or it is refused with its field; domains that look like others are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_email.addresses import is_one_edit_off, look_alikes, parse_address, readable, skeleton
from mcp_email.errors import BadAddress
from mcp_email.mail import Address

ACCEPTED = {
    "ada@example.org": Address("ada@example.org"),
    " ada@example.org ": Address("ada@example.org"),
    "<ada@example.org>": Address("ada@example.org"),
    "Ada <ada@example.org>": Address("ada@example.org", "Ada"),
    "Ada Lovelace <ada@example.org>": Address("ada@example.org", "Ada Lovelace"),
    "Ada Lovelace  <ada@example.org>": Address("ada@example.org", "Ada Lovelace"),
    "J. R. Hartley <jr@example.org>": Address("jr@example.org", "J. R. Hartley"),
    '"Lovelace, Ada" <ada@example.org>': Address("ada@example.org", "Lovelace, Ada"),
    r'"Ada \"Countess\" Lovelace" <ada@example.org>': Address(
        "ada@example.org", 'Ada "Countess" Lovelace'
    ),
    r'"Back\\slash" <ada@example.org>': Address("ada@example.org", "Back\\slash"),
    '"Ada (maths)" <ada@example.org>': Address("ada@example.org", "Ada (maths)"),
    '"ada@example.org" <ada@example.org>': Address("ada@example.org"),
    "O'Brien <o'brien@example.org>": Address("o'brien@example.org", "O'Brien"),
    "Žofie Dvořáková <z@example.org>": Address("z@example.org", "Žofie Dvořáková"),
    "山田太郎 <yamada@example.jp>": Address("yamada@example.jp", "山田太郎"),
    "עדה <ada@example.org>": Address("ada@example.org", "עדה"),
    "Party 🎉 <p@example.org>": Address("p@example.org", "Party 🎉"),
    "ada+lists@example.org": Address("ada+lists@example.org"),
    "ada.king@example.org": Address("ada.king@example.org"),
    "Ada.King@Example.ORG": Address("Ada.King@example.org"),
    "a_b-c@sub.example.org": Address("a_b-c@sub.example.org"),
    "1@example.org": Address("1@example.org"),
    "x@xn--bcher-kva.example": Address("x@xn--bcher-kva.example"),
    "x@bücher.example": Address("x@xn--bcher-kva.example"),
    "x@BÜCHER.example": Address("x@xn--bcher-kva.example"),
    "x@例え.jp": Address("x@xn--r8jz45g.jp"),
    "x@ｅｘａｍｐｌｅ.org": Address("x@example.org"),
    "x@example。org": Address("x@example.org"),
    "a/b=c{d}|e~f^g*h$i&j#k`l?m@example.org": Address("a/b=c{d}|e~f^g*h$i&j#k`l?m@example.org"),
    f"{'a' * 64}@example.org": Address(f"{'a' * 64}@example.org"),
}

REFUSED = [
    # nothing, or no address
    "", " ", "ada", "@", "@example.org", "ada@", "ada@@example.org", "<>", "Ada <>", "Ada <ada>", "ada example.org",
    # more than one
    "ada@example.org, eve@example.org", "ada@example.org;eve@example.org", "ada@example.org eve@example.org",
    "<ada@example.org> <eve@example.org>", "Ada <ada@example.org>, Eve <eve@example.org>",
    "bob@example.com <evil@example.net>", '"bob@example.com" <evil@example.net>', "bob＠example.com <evil@example.net>",
    "bob﹫example.com <evil@example.net>", "<bob@example.com>evil@example.net", "ada@example.org>", "<ada@example.org",
    "Ada <ada@example.org> (cc eve@example.org)", "Ada <<ada@example.org>>", "Ada <ada@example.org>x",
    # groups, comments, routes, literals
    "friends: ada@example.org;", "friends:;", "undisclosed-recipients:;", "ada(comment)@example.org",
    "ada@example.org (Ada)", "(Ada) ada@example.org", "ada@(x)example.org", "Ada (x) <ada@example.org>",
    "<@relay.example:ada@example.org>", "@relay.example:ada@example.org", "<@a.example,@b.example:ada@example.org>",
    "ada@[192.0.2.1]", "ada@[IPv6:2001:db8::1]", "ada@192.0.2.1", "ada@[example.org]",
    # relays and quoted local parts
    "ada%example.net@example.org", "example.net!ada@example.org", "a!b!c@example.org", '"ada"@example.org',
    '"ada@example.net"@example.org', '"a b"@example.org', r'"a\"b"@example.org', '""@example.org',
    # local parts that are none
    ".ada@example.org", "ada.@example.org", "a..da@example.org", "a da@example.org", "a,da@example.org",
    "a:da@example.org", "a\\da@example.org", "-oQ/tmp@example.org", "--help@example.org", "ada;rm@example.org",
    "žofie@example.org", "аda@example.org", "ａda@example.org", f"{'a' * 65}@example.org",
    # domains that are none
    "ada@example", "ada@localhost", "ada@.example.org", "ada@example..org", "ada@example.org.", "ada@-example.org",
    "ada@example-.org", "ada@exam_ple.org", "ada@exam ple.org", "ada@example.123", "ada@xn--zz.example",
    "ada@example.org/x", "ada@example.org?x", "ada@example.org#x", f"ada@{'a' * 64}.org",
    f"ada@{'a.' * 126}org", "ada@ex%61mple.org", "ada@пример", "ada@a\u200bb.org",
    # controls, line breaks, invisible and turning characters
    "ada@example.org\r\nBcc: eve@example.net", "ada@example.org\n", "\nada@example.org", "ada\r@example.org",
    "ada@example.org\0", "Ada\0 <ada@example.org>", "Ada\r\nBcc: eve@example.net <ada@example.org>",
    "Ada\u2028Bcc: x <ada@example.org>", "Ada\u2029 <ada@example.org>", "Ada\x85 <ada@example.org>",
    "Ada\x1b[31m <ada@example.org>", "Ada\x7f <ada@example.org>", "Ada\t<ada@example.org>",
    "\u202eadA <ada@example.org>", "Ada\u2066 <ada@example.org>", "Ada\u200f <ada@example.org>",
    "ada\u200b@example.org", "Ada\u200b <ada@example.org>", "Ada\ufeff <ada@example.org>",
    "Ada\U000e0041 <ada@example.org>", "Ada\ud800 <ada@example.org>", "Ada\xad <ada@example.org>",
    # encoded words
    "=?utf-8?q?Ada=0D=0ABcc:eve@example.net?= <ada@example.org>", "=?utf-8?b?QWRh?= <ada@example.org>",
    '"=?utf-8?q?Ada?=" <ada@example.org>', "=?utf-8?q?ada?=@example.org", "=?us-ascii?Q?=0A?= <ada@example.org>",
    # names that need quotes
    "Lovelace, Ada <ada@example.org>", "Ada: <ada@example.org>", 'Ada "C" <ada@example.org>',
    '"Ada <ada@example.org>', 'Ada" <ada@example.org>', '"a"b" <ada@example.org>', "[Ada] <ada@example.org>",
    "Ada\\ <ada@example.org>", '"a\\b" <ada@example.org>', "Ada; <ada@example.org>",
    f"{'x' * 201} <ada@example.org>", "x" * 700,
]  # fmt: skip


@pytest.mark.parametrize("text", ACCEPTED)
def test_an_address_is_read(text: str) -> None:
    assert parse_address(text, "to") == ACCEPTED[text]


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_one_plain_address_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(BadAddress) as refused:
        parse_address(text, "cc")
    data = refused.value.as_result().structured_content
    assert data is not None
    assert (data["code"], data["details"]["field"]) == ("invalid_address", "cc")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


@given(st.text(max_size=60) | st.from_regex(r"[ -~]{0,30}@[ -~]{0,30}", fullmatch=True))
def test_whatever_is_accepted_has_one_plain_domain_and_reads_the_same_again(text: str) -> None:
    try:
        address = parse_address(text, "to")
    except BadAddress:
        return
    assert address.spec.count("@") == 1
    assert address.spec.isascii()
    assert not set(address.spec) & set('<>()[]:;,\\"%! \r\n\0')
    assert address.domain == address.domain.lower()
    assert parse_address(address.spec, "to") == Address(address.spec)


KNOWN = {"example.org", "steward.example", "paypal.com", "bank.example"}


@pytest.mark.parametrize(
    ("domain", "seems"),
    [
        ("exarnple.org", "example.org"),  # rn
        ("examp1e.org", "example.org"),
        ("exampl3.org", "example.org"),
        ("exampl.org", "example.org"),
        ("exxample.org", "example.org"),
        ("example.ort", "example.org"),
        ("stevvard.example", "steward.example"),
        ("paypa1.com", "paypal.com"),
        ("xn--pypal-4ve.com", "paypal.com"),  # a Cyrillic letter among Latin ones
        ("xn--80aa0cbo65f.com", "paypal.com"),  # all Cyrillic
        ("xn--e1awd7f.com", "epic.com"),  # all Cyrillic, like a Latin word nobody here knows
        ("xn--exmple-cua.org", "example.org"),  # an accent
    ],
)
def test_a_domain_that_looks_like_another_is_told(domain: str, seems: str) -> None:
    assert look_alikes([domain], KNOWN) == {domain: seems}


@pytest.mark.parametrize(
    "domain",
    [
        "example.org", "mail.example.org", "gmail.com", "xn--bcher-kva.example", "xn--r8jz45g.jp", "org.example",
        "xn--e1afmkfd.com", "xn--d1acufc.xn--p1ai", "t.co", "bark.example.net", "xn--zz",
    ],
)  # fmt: skip
def test_a_domain_that_is_only_itself_is_not(domain: str) -> None:
    assert look_alikes([domain], KNOWN) == {}


def test_a_label_of_two_scripts_is_told_even_where_nobody_knows_the_other() -> None:
    mixed = "goоgle-шоп".encode("idna").decode()
    assert mixed.startswith("xn--")
    assert set(look_alikes([f"{mixed}.example"], set())) == {f"{mixed}.example"}


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_one_edit_is_the_same_from_both_sides_and_never_none(one: str, other: str) -> None:
    assert is_one_edit_off(one, other) == is_one_edit_off(other, one)
    assert not is_one_edit_off(one, one)
    longer = f"{one}x"
    assert is_one_edit_off(one, longer)


def test_a_skeleton_is_of_what_people_see() -> None:
    assert readable("xn--pypal-4ve.com") == "pаypal.com"
    assert skeleton("xn--pypal-4ve.com") == skeleton("paypal.com")
