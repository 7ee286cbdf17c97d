"""What nobody would have seen is taken out of a mail's HTML, and what can be seen stays."""

import pytest

from mcp_email.reading.html import html_to_text
from shared.untrusted.sheets import TooComplex

SECRET = "FORWARD"

HIDDEN = {
    "display": '<p style="display:none">FORWARD</p>',
    "display important": '<p style="display:none !important;display:block">FORWARD</p>',
    "display, odd letters": '<p style="DISPLAY : NoNe">FORWARD</p>',
    "display, CSS escape": '<p style="d\\69splay:n\\6f ne">FORWARD</p>',
    "display, comment": '<p style="display/* */:/* */none">FORWARD</p>',
    "display, entity": '<p style="display&#58;none">FORWARD</p>',
    "display, deep inside": '<div style="display:none"><p><b style="display:block">FORWARD</b></p></div>',
    "visibility": '<span style="visibility:hidden">FORWARD</span>',
    "visibility, collapse": '<span style="visibility:collapse">FORWARD</span>',
    "opacity": '<span style="opacity:0">FORWARD</span>',
    "opacity, almost": '<span style="opacity:.01">FORWARD</span>',
    "opacity, per cent": '<span style="opacity:2%">FORWARD</span>',
    "filter": '<span style="filter:opacity(0)">FORWARD</span>',
    "old filter": '<span style="filter:alpha(opacity=0)">FORWARD</span>',
    "font size nought": '<span style="font-size:0">FORWARD</span>',
    "font size one": '<span style="font-size:1px">FORWARD</span>',
    "font size, points": '<span style="font-size:1pt">FORWARD</span>',
    "font size, em": '<div style="font-size:.1em">FORWARD</div>',
    "font size, em in em": '<div style="font-size:.4em"><b style="font-size:.4em">FORWARD</b></div>',
    "font size, per cent": '<div style="font-size:1%">FORWARD</div>',
    "font size, calc": '<div style="font-size:calc(0px)">FORWARD</div>',
    "font shorthand": '<div style="font:0/0 a">FORWARD</div>',
    "white on white": '<p style="color:#fff">FORWARD</p>',
    "white on white, named": '<p style="color:White">FORWARD</p>',
    "white on white, font": '<font color="FFFFFF">FORWARD</font>',
    "nearly white": '<p style="color:#fdfdfe">FORWARD</p>',
    "rgb": '<p style="color:rgb(255, 255, 255)">FORWARD</p>',
    "hsl": '<p style="color:hsl(0 0% 100%)">FORWARD</p>',
    "alpha": '<p style="color:rgba(0,0,0,0.01)">FORWARD</p>',
    "hex alpha": '<p style="color:#00000005">FORWARD</p>',
    "transparent": '<p style="color:transparent">FORWARD</p>',
    "fill": '<p style="-webkit-text-fill-color:transparent">FORWARD</p>',
    "black on black": '<div style="background:#000"><p>FORWARD</p></div>',
    "grey on the same grey": '<table bgcolor="#808080"><td><font color="gray">FORWARD</font></table>',
    "on a gradient": '<p style="background:linear-gradient(#fff,#fff);color:#fff">FORWARD</p>',
    "off to the left": '<p style="position:absolute;left:-9999px">FORWARD</p>',
    "off to the top": '<p style="position:fixed;top:-100em">FORWARD</p>',
    "text-indent": '<p style="text-indent:-9999px">FORWARD</p>',
    "margin": '<p style="margin-left:-9999px">FORWARD</p>',
    "translate": '<p style="transform:translateX(-9999px)">FORWARD</p>',
    "scale": '<p style="transform:scale(0)">FORWARD</p>',
    "clip": '<p style="position:absolute;clip:rect(0 0 0 0)">FORWARD</p>',
    "clip, 1px": '<p style="position:absolute;clip:rect(1px,1px,1px,1px)">FORWARD</p>',
    "clip-path": '<p style="clip-path:inset(100%)">FORWARD</p>',
    "no height": '<div style="height:0;overflow:hidden">FORWARD</div>',
    "no width": '<div style="width:1px;overflow:hidden">FORWARD</div>',
    "max-height": '<div style="max-height:0">FORWARD</div>',
    "Outlook": '<p style="mso-hide:all">FORWARD</p>',
    "hidden": "<p hidden>FORWARD</p>",
    "aria-hidden": '<p aria-hidden="true">FORWARD</p>',
    "class": "<style>.x{display:none}</style><p class=x>FORWARD</p>",
    "class, at the end": "<p class=x>FORWARD</p><style>.x{display:none}</style>",
    "id": "<style>#x{font-size:0}</style><p id=x>FORWARD</p>",
    "descendant": "<style>div > p b{opacity:0}</style><div><p><b>FORWARD</b></p></div>",
    "attribute": "<style>[data-k]{visibility:hidden}</style><p data-k>FORWARD</p>",
    "list of selectors": "<style>h1, .x, h2{display:none}</style><p class=x>FORWARD</p>",
    "media all": "<style>@media all{.x{display:none}}</style><p class=x>FORWARD</p>",
    "media width": "<style>@media (min-width:100px){.x{display:none}}</style><p class=x>FORWARD</p>",
    "supports": "<style>@supports (color:red){.x{display:none}}</style><p class=x>FORWARD</p>",
    "after a broken rule": "<style>p{color:red;} } .x{display:none}</style><p class=x>FORWARD</p>",
    "comment in the sheet": "<style>.x{/*}*/display:none}</style><p class=x>FORWARD</p>",
    "important wins": "<style>.x{display:none!important}</style><p class=x style=display:block>FORWARD</p>",
    "variable": "<style>:root{--c:#fff}.x{color:var(--c)}</style><p class=x>FORWARD</p>",
    "not": "<style>b:not(.y){display:none}</style><b class=x>FORWARD</b>",
    "comment": "<!-- FORWARD -->",
    "conditional comment": "<!--[if mso]><p>FORWARD</p><![endif]-->",
    "template": "<template><p>FORWARD</p></template>",
    "noscript": "<noscript>FORWARD</noscript>",
    "script": "<script>FORWARD</script>",
    "style": "<style>FORWARD</style>",
    "title": "<title>FORWARD</title>",
    "dialog": "<dialog>FORWARD</dialog>",
    "form control": '<textarea>FORWARD</textarea><input value="FORWARD"><select><option>FORWARD</select>',
    "alt": '<img alt="FORWARD" src="x">',
    "title attribute": '<p title="FORWARD">seen</p>',
    "svg": "<svg><text>FORWARD</text></svg>",
    "iframe": '<iframe srcdoc="FORWARD">FORWARD</iframe>',
    "object": "<object>FORWARD</object>",
    "link that is hidden": '<a style="display:none" href="https://x.example/">FORWARD</a>',
}
COUNTED = {name: html for name, html in HIDDEN.items() if "style=" in html or "class=" in html}

SEEN = {
    "plain": "<p>FORWARD</p>",
    "shown again": '<div style="visibility:hidden"><b style="visibility:visible">FORWARD</b></div>',
    "size set again": '<p style="font-size:0"><span style="font-size:14px">FORWARD</span></p>',
    "white on dark": '<table><td bgcolor="#003366"><font color="#ffffff">FORWARD</font></table>',
    "white on dark, far above": '<table style="background:#222"><tr><td><p style="color:#fff">FORWARD</table>',
    "dark page": '<body bgcolor="black" text="white">FORWARD</body>',
    "link in white text": '<p style="color:#fff">x <a href="https://x.example/">FORWARD</a></p>',
    "grey": '<p style="color:#999">FORWARD</p>',
    "small print": '<p style="font-size:8px">FORWARD</p>',
    "half": '<p style="opacity:.5">FORWARD</p>',
    "only on phones": "<style>@media(max-width:600px){.x{display:none}}</style><p class=x>FORWARD</p>",
    "only in print": "<style>@media print{.x{display:none}}</style><p class=x>FORWARD</p>",
    "only when pointed at": "<style>.x:hover{display:none}</style><p class=x>FORWARD</p>",
    "other class": "<style>.y{display:none}</style><p class=x>FORWARD</p>",
    "the rule is taken back": "<style>.x{display:none}p.x{display:block}</style><p class=x>FORWARD</p>",
    "the attribute wins": "<style>.x{display:none}</style><p class=x style=display:block>FORWARD</p>",
    "broken sheet": "<style>}}}{{{<p</style><p>FORWARD</p>",
    "position without offset": '<p style="position:absolute;left:10px">FORWARD</p>',
    "hanging indent": '<p style="text-indent:-20px;padding-left:20px">FORWARD</p>',
    "aria-hidden false": '<p aria-hidden="false">FORWARD</p>',
    "inside a form": "<form><p>FORWARD</p></form>",
    "preformatted": "<pre>FORWARD</pre>",
    "mark": "<mark>FORWARD</mark>",
    "details": "<details><summary>More</summary>FORWARD</details>",
}


@pytest.mark.parametrize("html", HIDDEN.values(), ids=HIDDEN)
def test_text_that_nobody_would_see_is_removed(html: str) -> None:
    read = html_to_text(f"<p>before</p>{html}<p>after</p>")
    assert SECRET not in read.text
    assert SECRET not in str(read.links)
    assert read.text.split()[0] == "before"
    assert read.text.split()[-1] == "after"


@pytest.mark.parametrize("html", COUNTED.values(), ids=COUNTED)
def test_hidden_text_is_counted_and_kept_for_looking_at(html: str) -> None:
    if "title=" in html:
        return
    read = html_to_text(html)
    assert read.hidden_removed == len(SECRET)
    assert read.hidden_text == SECRET


@pytest.mark.parametrize("html", SEEN.values(), ids=SEEN)
def test_text_that_can_be_seen_stays(html: str) -> None:
    read = html_to_text(f"<p>before</p>{html}<p>after</p>")
    assert SECRET in read.text


def test_html_nested_beyond_reason_is_not_read() -> None:
    with pytest.raises(TooComplex):
        html_to_text("<div>" * 5_000 + "FORWARD")


def test_html_of_endless_elements_is_not_read() -> None:
    with pytest.raises(TooComplex):
        html_to_text("<b></b>" * 70_000)


def test_rules_that_would_take_endless_matching_are_not_tried() -> None:
    rules = "".join(f"p:not(.a{number}) b{{color:red}}" for number in range(4_000))
    with pytest.raises(TooComplex):
        html_to_text(f"<style>{rules}</style>" + "<p><b>x</b></p>" * 2_000)


def test_the_structure_of_a_page_stays_readable() -> None:
    html = """<h1>Plan</h1><p>First  line<br>second</p><ul><li>one<li>two<ol><li>a<li>b</ol></ul>
    <table><tr><th>Item<th>Price<tr><td>Rope<td>12</table><blockquote><p>Said before</p></blockquote><p>End</p>"""
    assert html_to_text(html).text.split("\n") == [
        "Plan",
        "",
        "First line",
        "second",
        "",
        "- one",
        "- two",
        "  1. a",
        "  2. b",
        "",
        "Item | Price",
        "Rope | 12",
        "",
        "> Said before",
        "",
        "End",
    ]


def test_links_are_listed_with_where_they_really_lead() -> None:
    html = (
        '<a href="https://evil.example/x">https://bank.example/login</a>'
        '<a href="https://www.bank.example/">bank.example</a>'
        '<a href="https://bank.example@evil.example/">Log in</a>'
        '<a href="mailto:eve@evil.example">ann@bank.example</a>'
        '<a href="javascript:alert(1)">Run</a><a href="https://docs.example/">report.pdf</a>'
    )
    links = {link.url: link.host_mismatch for link in html_to_text(html).links}
    assert links == {
        "https://evil.example/x": True,
        "https://www.bank.example/": False,
        "https://bank.example@evil.example/": True,
        "mailto:eve@evil.example": True,
        "https://docs.example/": False,
    }


def test_images_are_counted_and_tracking_ones_told_apart() -> None:
    read = html_to_text(
        '<img src="https://a.example/1.png" alt="A crane" width=300><img src="cid:logo">'
        '<img src="https://t.example/o.gif" width="1" height="1">'
        '<img src="https://t.example/p.gif" style="display:none">'
    )
    assert (read.images, read.remote_images, read.tracking_images) == (4, 3, 2)
    assert read.alts == ("A crane",)
