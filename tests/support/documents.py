"""Makes files for tests of reading documents: good ones small enough to know by heart, and bad ones of every sort."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@dataclass(frozen=True, slots=True)
class Text:
    """A line on a page of a PDF, by default black, 12 points, from the left margin."""

    words: str
    y: float
    size: float = 12
    x: float = 72
    colour: str = "0 0 0"
    mode: int = 0
    """How letters are painted (ISO 32000-1, 9.3.6); 3: not at all."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: str = "0 0 0"


Drawn = Text | Bar


def lines(*words: str, top: float = 720, size: float = 12, leading: float = 1.2) -> list[Drawn]:
    """Words below one another."""
    return [Text(one, top - place * size * leading, size) for place, one in enumerate(words)]


def pdf(
    *pages: Sequence[Drawn],
    title: str = "",
    bookmarks: Sequence[tuple[str, int]] = (),
    extra_trailer: str = "",
    picture: bool = False,
) -> bytes:
    """A PDF 1.7 with Helvetica. Bookmarks are a title and a page (from 1). `picture` lays a grey one on each page."""
    file = _PdfFile()
    font = file.add(
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    )
    image = file.add_stream(
        b"\x80",
        "/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8",
    )
    tree = file.reserve()
    kids = [_page(file, tree, font, image, drawn, picture) for drawn in pages]
    listed = " ".join(f"{kid} 0 R" for kid in kids)
    file.set(tree, f"<< /Type /Pages /Kids [{listed}] /Count {len(kids)} >>")
    outlines = _outlines(file, kids, bookmarks)
    catalog = file.add(f"<< /Type /Catalog /Pages {tree} 0 R {outlines} >>")
    info = file.add(f"<< /Title ({title}) >>")
    return file.octets(f"/Root {catalog} 0 R /Info {info} 0 R {extra_trailer}")


class _PdfFile:
    def __init__(self) -> None:
        self._objects: list[bytes] = []

    def reserve(self) -> int:
        self._objects.append(b"null")
        return len(self._objects)

    def set(self, number: int, body: str) -> None:
        self._objects[number - 1] = body.encode("cp1252")

    def add(self, body: str) -> int:
        number = self.reserve()
        self.set(number, body)
        return number

    def add_stream(self, octets: bytes, entries: str = "") -> int:
        number = self.reserve()
        head = f"<< {entries} /Length {len(octets)} >>\nstream\n".encode()
        self._objects[number - 1] = head + octets + b"\nendstream"
        return number

    def octets(self, trailer: str) -> bytes:
        out = bytearray(b"%PDF-1.7\n")
        places: list[int] = []
        for number, body in enumerate(self._objects, start=1):
            places.append(len(out))
            out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
        out += b"".join(b"%010d 00000 n \n" % place for place in places)
        out += (
            f"trailer << /Size {len(places) + 1} {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()
        )
        return bytes(out)


def _page(
    file: _PdfFile, tree: int, font: int, image: int, drawn: Sequence[Drawn], picture: bool
) -> int:
    content = b"q 400 0 0 500 72 100 cm /I Do Q\n" if picture else b""
    content += b"\n".join(_operators(one) for one in drawn)
    stream = file.add_stream(content)
    resources = f"<< /Font << /F {font} 0 R >> /XObject << /I {image} 0 R >> >>"
    return file.add(
        f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 612 792] /Resources {resources} /Contents {stream} 0 R >>"
    )


def _operators(drawn: Drawn) -> bytes:
    if isinstance(drawn, Bar):
        return f"{drawn.colour} rg {drawn.x} {drawn.y} {drawn.width} {drawn.height} re f".encode()
    words = drawn.words.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    place = f"1 0 0 1 {drawn.x} {drawn.y} Tm"
    said = f"BT {drawn.colour} rg {drawn.mode} Tr /F {drawn.size} Tf {place} ({words}) Tj ET"
    return said.encode("cp1252")


def _outlines(file: _PdfFile, kids: Sequence[int], bookmarks: Sequence[tuple[str, int]]) -> str:
    if not bookmarks:
        return ""
    root = file.reserve()
    numbers = [file.reserve() for _ in bookmarks]
    for place, (title, page) in enumerate(bookmarks):
        after = f"/Next {numbers[place + 1]} 0 R" if place + 1 < len(numbers) else ""
        target = f"/Dest [{kids[page - 1]} 0 R /Fit]"
        file.set(numbers[place], f"<< /Title ({title}) /Parent {root} 0 R {target} {after} >>")
    file.set(
        root,
        f"<< /Type /Outlines /First {numbers[0]} 0 R /Last {numbers[-1]} 0 R /Count {len(numbers)} >>",
    )
    return f"/Outlines {root} 0 R"


def encrypted_pdf() -> bytes:
    """One that opens with no password that we know (standard security handler, revision 2)."""
    secret = "".join(f"{number:02x}" for number in range(32))
    return pdf(
        lines("Secret"),
        extra_trailer=f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{secret}> /U <{secret}> /P -4 >>"
        f" /ID [<{secret}> <{secret}>]",
    )


NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)
STYLES = f"""<?xml version="1.0"?><w:styles {NAMESPACES}>
<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/>
<w:basedOn w:val="berschrift1"/></w:style>
<w:style w:type="paragraph" w:styleId="Kapitel"><w:name w:val="Kapitel"/><w:basedOn w:val="berschrift1"/></w:style>
<w:style w:type="character" w:styleId="Unseen"><w:name w:val="Unseen"/><w:rPr><w:vanish/></w:rPr></w:style>
</w:styles>"""


def paragraph(text: str, *, style: str = "", run: str = "", properties: str = "") -> str:
    """A paragraph of one run, as XML. `run` and `properties` are XML of their properties."""
    styled = f'<w:pStyle w:val="{style}"/>' if style else ""
    return (
        f"<w:p><w:pPr>{styled}{properties}</w:pPr>"
        f'<w:r><w:rPr>{run}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
    )


def table(*rows: Sequence[str]) -> str:
    """A table as XML."""
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def docx(
    body: str, *, title: str = "", parts: Mapping[str, str] | None = None, doctype: str = ""
) -> bytes:
    """A Word document; `parts` replace or add to its own."""
    core = (
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></cp:coreProperties>'
    )
    whole = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "word/document.xml": f'<?xml version="1.0"?>{doctype}<w:document {NAMESPACES}>'
        f"<w:body>{body}</w:body></w:document>",
        "word/styles.xml": STYLES,
        "docProps/core.xml": core,
        **(parts or {}),
    }
    return zipped({name: text.encode() for name, text in whole.items()})


def zipped(parts: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in parts.items():
            archive.writestr(zipfile.ZipInfo(name), octets, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def zip_bomb(unpacked_bytes: int) -> bytes:
    """A Word document whose text is that many spaces: a thousandth of it packed."""
    return docx(paragraph(" " * unpacked_bytes))


def lying_zip_bomb(unpacked_bytes: int) -> bytes:
    """The same, with a directory that declares 100 bytes."""
    octets = bytearray(zip_bomb(unpacked_bytes))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = octets.find(b"word/document.xml")
        while place >= 0:
            start = octets.rfind(mark, 0, place)
            if 0 <= place - start <= 46:
                octets[start + offset : start + offset + 4] = struct.pack("<I", 100)
            place = octets.find(b"word/document.xml", place + 1)
    return bytes(octets)


BILLION_LAUGHS = "<!DOCTYPE lolz [<!ENTITY a 'lol'>" + "".join(
    f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip


def png_pixels(octets: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of RGB of a PNG as ours are: 8 bits, no filter."""
    width, height, _, colour = struct.unpack(">IIBB", octets[16:26])
    depth = {0: 1, 2: 3, 6: 4}[colour]
    data, place = b"", 8
    while place < len(octets):
        (length,) = struct.unpack(">I", octets[place : place + 4])
        if octets[place + 4 : place + 8] == b"IDAT":
            data += octets[place + 8 : place + 8 + length]
        place += 12 + length
    rows = zlib.decompress(data)
    step = 1 + width * depth
    return width, height, [rows[row * step + 1 : (row + 1) * step] for row in range(height)]
