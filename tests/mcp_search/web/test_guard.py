"""Every spelling of an internal address is refused; what is on the public web is asked for in one form."""

from ipaddress import ip_address

import pytest

from mcp_search.errors import AddressRefused, FetchRefused
from mcp_search.web.guard import Guard, decide
from shared.networks import is_public

INTERNAL = """
http://127.0.0.1/ http://127.0.0.1:80/ http://127.0.0.1. http://127.1/ http://127.0.1/ http://127.255.255.254/
http://0/ http://0.0.0.0/ http://00000.00000.00000.00000/ http://2130706433/ http://02130706433/
http://0x7f000001/ http://0x7F.0x0.0x0.0x1/ http://0x7f.1/ http://0x7f.0.0.1/ http://127.0.0x0.1/
http://0177.0.0.1/ http://0177.0.0.01/ http://017700000001/ http://127.0.0.01/ http://127.00.0.1/
http://0o177.0.0.1/ http://127.0.0.1.:80/ http://4294967297/ http://127.0.0.1.0/ http://127.0.0.256/
http://10.0.0.1/ http://10.1/ http://0xa000001/ http://012.0.0.1/ http://167772161/ http://172.16.0.1/
http://172.31.255.255/ http://192.168.0.1/ http://192.168.257/ http://3232235521/ http://0xC0A80001/
http://169.254.169.254/latest/meta-data/ http://169.254.169.254./ http://2852039166/ http://0xa9fea9fe/
http://0xa9.0xfe.0xa9.0xfe/ http://0251.0376.0251.0376/ http://169.254.43518/ http://100.100.100.200/
http://100.64.0.1/ http://168.63.129.16/ http://192.0.0.192/ http://192.0.2.1/ http://198.18.0.1/
http://198.51.100.7/ http://203.0.113.9/ http://224.0.0.1/ http://239.255.255.250/ http://240.0.0.1/
http://255.255.255.255/ http://192.88.99.1/ http://192.175.48.1/
http://[::1]/ http://[::]/ http://[0:0:0:0:0:0:0:1]/ http://[0000:0000:0000:0000:0000:0000:0000:0001]/
http://[::1]:80/ http://[::127.0.0.1]/ http://[::7f00:1]/ http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/
http://[::FFFF:8.8.8.8]/ http://[0:0:0:0:0:ffff:7f00:1]/ http://[::ffff:0:127.0.0.1]/ http://[64:ff9b::127.0.0.1]/
http://[64:ff9b::a9fe:a9fe]/ http://[64:ff9b::10.0.0.1]/ http://[64:ff9b:1::7f00:1]/ http://[2002:7f00:1::]/
http://[2002:c0a8:1::1]/ http://[2001:0:7f00:1::]/ http://[2001::1]/ http://[2001:db8::1]/ http://[3fff::1]/
http://[fe80::1]/ http://[fe80::1%25eth0]/ http://[fe80::1%eth0]/ http://[::1%25lo]/ http://[fec0::1]/ http://[fc00::1]/
http://[fd00:ec2::254]/ http://[fd12:3456:789a::1]/ http://[ff02::1]/ http://[100::1]/ http://[5f00::1]/
http://[2a00:1450:4001::5efe:127.0.0.1]/ http://[2a00:1450:4001:0:200:5efe:10.0.0.1]/ http://[4000::1]/
http://localhost/ http://LOCALHOST/ http://localhost./ http://localhost:80/ http://www.localhost/ http://a.b.localhost./
http://localhost.localdomain/ http://ip6-localhost/ http://metadata/ http://metadata.google.internal/
http://METADATA.google.INTERNAL./ http://instance-data/ http://instance-data.ec2.internal/ http://intranet/
http://wiki.intranet/ http://printer.local/ http://nas.lan/ http://router.home.arpa/ http://server.corp/
http://kubernetes.default.svc/ http://api.default.svc.cluster.local/ http://site.onion/ http://a.test/
http://db.private/ http://1.0.0.127.in-addr.arpa/ http://x.invalid/ http://mail/ http://fritz.box.home/
http://①②⑦.⓪.⓪.①/ http://１２７.0.0.1/ http://127。0。0。1/ http://127．0．0．1/ http://127｡0｡0｡1/
http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/ http://ｌｏｃａｌｈｏｓｔ/ http://loc\u00adalhost/ http://0x7f。1/ http://[::１]/
""".split()  # fmt: skip # noqa: SIM905 - read as lines of words

MALFORMED = [
    "", "example.com", "//example.com/", "/etc/passwd", "file:///etc/passwd", "FILE:///etc/passwd", "ftp://example.com/",
    "gopher://example.com/_x", "dict://example.com:11211/", "data:text/html,x", "javascript:alert(1)", "ldap://example.com",
    "jar:http://example.com!/", "http:example.com", "http:/example.com", "http:///example.com", "http://", "http://?x",
    "http://user@example.com/", "http://user:pass@example.com/", "http://example.com@127.0.0.1/", "http://@example.com/",
    "http://127.0.0.1#@example.com/", "http://127.0.0.1\\@example.com/", "http://example.com\\@127.0.0.1/",
    "http://example.com:/", "http://example.com:0/", "http://example.com:65536/", "http://example.com:80:80/",
    "http://example.com:８０/", "http://example.com:+80/", "http://example.com:8080/", "http://example.com:22/",
    "http://[::1/", "http://::1/", "http://[]/", "http://[1.2.3.4]/", "http://[::g]/", "http://[::1]x/", "http://[v1.x]/",
    "http://exa mple.com/", "http://example.com/a b", "http://exam\tple.com/",
    "http://example.com/\r\nHost: x", "http://ex%61mple.com/", "http://127.0.0.1%00.example.com/", "http://example..com/",
    "http://.example.com/", "http://example.com../", "http://-example.com/", "http://a" + "a" * 63 + ".com/",
    "http://xn--a.com/", "http://xn--.com/", "http://exa_mple!.com/", "http://*.example.com/", "http://example.com\0/",
    "http://example.com\u2028/", "https://example.com/" + "a" * 2_000, "http://%31%32%37.0.0.1/", "http://1.2.3.4.5/",
]  # fmt: skip


@pytest.mark.parametrize("url", INTERNAL)
def test_no_spelling_of_an_internal_address_is_followed(url: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        decide(url)
    # Nobody learns from the words what there is inside.
    assert "127" not in str(refusal.value)


def test_there_are_many_spellings() -> None:
    assert len(set(INTERNAL)) >= 120


@pytest.mark.parametrize("url", MALFORMED)
def test_what_two_programs_could_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        decide(url)


@pytest.mark.parametrize(
    ("url", "one_form"),
    [
        ("https://www.example.com", "https://www.example.com/"),
        (" HTTPS://WWW.Example.COM:443/A?b=C#part\n", "https://www.example.com/A?b=C"),
        ("http://example.com.:80/", "http://example.com/"),
        ("http://example.com?q=1", "http://example.com/?q=1"),
        ("https://bücher.example.org/straße", "https://xn--bcher-kva.example.org/stra%C3%9Fe"),
        ("https://ｅｘａｍｐｌｅ.com/", "https://example.com/"),
        ("https://例え.jp/", "https://xn--r8jz45g.jp/"),
        ("https://xn--bcher-kva.example.org/", "https://xn--bcher-kva.example.org/"),
        ("https://my_host.example.org/", "https://my_host.example.org/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://8.8.8.8./", "http://8.8.8.8/"),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
        ("http://[2606:4700:0:0:0:0:0:1111]:443/", "http://[2606:4700::1111]:443/"),
        ("http://[64:ff9b::8.8.8.8]/", "http://[64:ff9b::808:808]/"),
        ("https://example.com/a/../b/./c", "https://example.com/b/c"),
        ("https://example.com/a/%2e%2E/b", "https://example.com/b"),
        ("https://example.com/a%2Fb?x=%20&y=a+b", "https://example.com/a%2Fb?x=%20&y=a+b"),
        ("https://example.com:80/", "https://example.com:80/"),
        ("https://127.example.com/", "https://127.example.com/"),
        ("https://example.com/@user", "https://example.com/@user"),
    ],
)
def test_a_public_address_has_one_form(url: str, one_form: str) -> None:
    target = decide(url)
    assert target.url == one_form
    assert decide(one_form) == target


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True), ("9.255.255.255", True), ("11.0.0.0", True), ("100.63.255.255", True), ("100.128.0.0", True),
        ("126.255.255.255", True), ("128.0.0.0", True), ("172.15.255.255", True), ("172.32.0.0", True),
        ("192.0.1.0", True), ("198.17.255.255", True), ("198.20.0.0", True), ("223.255.255.255", True),
        ("2606:4700::1", True), ("2001:200::1", True), ("2001:4860:4860::8888", True), ("2a00::1", True),
        ("192.0.0.9", False), ("192.31.196.1", False), ("192.52.193.1", False), ("2001:1ff:ffff::1", False),
        ("2001:20::1", False), ("2620:4f:8000::1", False), ("::ffff:1.1.1.1", False), ("::", False), ("1::", False),
        ("64:ff9b::192.168.0.1", False), ("64:ff9b:0:0:1::1", False),
    ],
)  # fmt: skip
def test_borders_of_the_table(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) == public


def test_one_answer_that_is_not_public_spoils_all() -> None:
    with pytest.raises(AddressRefused):
        Guard().check([ip_address("1.1.1.1"), ip_address("10.0.0.1")])
    with pytest.raises(AddressRefused):
        Guard().check([])
    Guard().check([ip_address("1.1.1.1"), ip_address("2606:4700::1")])


@pytest.mark.parametrize(
    ("url", "allow", "deny", "is_wanted"),
    [
        ("https://example.org/", ["example.org"], [], True),
        ("https://www.example.org/", ["example.org"], [], False),
        ("https://www.example.org/", ["*.example.org"], [], True),
        ("https://example.org/", ["*.example.org"], [], True),
        ("https://badexample.org/", ["*.example.org"], [], False),
        ("https://example.org.evil.com/", ["*.example.org"], [], False),
        ("https://EXAMPLE.org./", ["Example.ORG."], [], True),
        ("https://bücher.example/", ["bücher.de"], [], False),
        ("https://bücher.de/", ["bücher.de"], [], True),
        ("https://example.org/", [], [], False),
        ("https://example.org/", None, ["*.example.org"], False),
        ("https://www.example.org/", ["*.example.org"], ["www.example.org"], False),
        ("https://other.org/", None, ["*.example.org"], True),
        ("https://example.org:8443/", ["example.org:8443"], [], True),
        ("https://example.org/", ["example.org:8443"], [], False),
    ],
)
def test_the_operators_lists_of_domains_decide(
    url: str, allow: list[str] | None, deny: list[str], is_wanted: bool
) -> None:
    if is_wanted:
        decide(url, allow, deny)
    else:
        with pytest.raises((FetchRefused, AddressRefused)):
            decide(url, allow, deny)


def test_an_allowed_domain_on_another_port_is_still_refused() -> None:
    with pytest.raises(AddressRefused):
        decide("https://example.org:8080/", ["example.org"])


def test_no_list_of_domains_opens_an_internal_address() -> None:
    for url in ("http://127.0.0.1/", "http://wiki.internal/", "http://[::1]/"):
        with pytest.raises(AddressRefused):
            decide(url, [url.split("/")[2], "*.internal"])


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(AddressRefused, match="user name or password") as refusal:
        decide("https://user:hunter2@example.com/")
    assert "hunter2" not in str(refusal.value.as_data())
