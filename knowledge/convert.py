"""Html, pdf and docx to plain text that keeps its structure in Markdown's marks: `# heading`, `- item`, `| a | b |`.

Each converter returns the text and what the file says about itself (`title`, `pages`); the marks are what chunk.py
splits by, and what a person reads in a citation.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmground.knowledge.charset import clean, detect
from firmground.knowledge.errors import InputError

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

Converted = tuple[str, dict[str, Any]]

# Marks in a page's text until `_tidy` turns them into space: a list item's ends, the end of a line unless one is there.
_ITEM, _ITEM_END, _BREAK = "\x01", "\x02", "\x03"

_DROPPED = ["script", "style", "nav", "noscript", "template", "svg", "iframe", "head", "select", "button"]
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_PARAGRAPHS = frozenset(
    "p ul ol dl table blockquote figure pre article section main header footer aside form".split()  # noqa: SIM905
)
_LINES = frozenset(
    "div li dt dd tr caption figcaption address option legend fieldset details summary hr br".split()  # noqa: SIM905
)
_BLOCKS = ["table", "p", "div", "ul", "ol", "pre", *_HEADINGS]
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)


# ----------------------------------------------------------------------------------------------------------------- html


def html(path: Path) -> Converted:
    """What a reader of the page sees: no scripts, styles, navigation or hidden elements. Raises InputError."""
    from bs4 import BeautifulSoup

    markup = re.sub("[\x01-\x03]", "", clean(_html_markup(path)))  # the marks that the functions below use
    soup = BeautifulSoup(markup, "html.parser")
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    for element in soup.find_all(_DROPPED):
        element.decompose()
    for element in soup.find_all(_is_hidden):
        if not element.decomposed:  # with a parent that was hidden too
            element.decompose()
    return _flatten(soup), {"title": title} if title else {}


def _html_markup(path: Path) -> str:
    """The page decoded: by its byte order mark, as UTF-8, as its <meta charset> says, or as GB18030."""
    try:
        return path.read_text(encoding=detect(path))
    except InputError:
        with open(path, "rb") as file:
            declared = _CHARSET.search(file.read(4096))
        if not declared:
            raise
        charset = declared.group(1).decode("ascii")
        try:
            return path.read_text(encoding="gb18030" if charset.lower() in ("gb2312", "gbk") else charset)
        except (LookupError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path} says that its charset is {charset}, but can't be read as that: save it as UTF-8"
            ) from error


def _is_hidden(element: Tag) -> bool:
    style = element.get("style")
    return (
        element.has_attr("hidden")
        or element.get("aria-hidden") == "true"
        or (isinstance(style, str) and _HIDDEN.search(style) is not None)
    )


@dataclass
class _List:
    """A list whose items are being read. An item that isn't closed holds the next one: both belong to this list."""

    ordered: bool = False
    items: int = 0


def _flatten(soup: BeautifulSoup) -> str:
    """The page's text, a block a line. Iterative: a page nested ten thousand deep is no reason to fail."""
    from bs4 import NavigableString, Tag
    from bs4.element import PreformattedString

    parts: list[str] = []
    stack: list[tuple[Any, _List, bool]] = [(soup, _List(), False)]  # an element, its list, whether in an item
    while stack:
        node, listed, in_item = stack.pop()
        if isinstance(node, str) and not isinstance(node, NavigableString):
            parts.append(node)  # what closes an element
        elif isinstance(node, Tag):
            whole = _whole(node)
            if whole is not None:
                parts.append(whole)
                continue
            before, after = _marks(node.name, listed, in_item)
            parts.append(before)
            stack.append((after, listed, in_item))
            if node.name in ("ol", "ul"):
                listed = _List(node.name == "ol")
            in_item = in_item or node.name == "li"
            stack.extend((child, listed, in_item) for child in reversed(node.contents))
        elif not isinstance(node, PreformattedString):  # comments and declarations
            parts.append(re.sub(r"\s+", " ", node))
    return _tidy("".join(parts))


def _whole(node: Tag) -> str | None:
    """The text of an element that is read as one piece: a heading, code, a table's row; None for all others."""
    if node.name in _HEADINGS:
        text = _inline(node)
        return f"\n\n{'#' * _HEADINGS[node.name]} {text}\n\n" if text else ""
    if node.name == "pre":
        code = node.get_text().strip("\n").replace("\t", "    ").replace(" ", "\x00")  # NUL: a space `_tidy` must keep
        return f"\n\n```\n{code}\n```\n\n" if code else ""
    if node.name == "tr" and node.find(_BLOCKS) is None:  # in a table made for layout the cells hold blocks
        cells = [_inline(cell) for cell in node.find_all(["td", "th"])]
        return f"{_BREAK}{_table_row(cells) if len(cells) > 1 else ''.join(cells)}{_BREAK}"
    return None


def _inline(node: Tag) -> str:
    """An element's text in one line."""
    from bs4 import Tag
    from bs4.element import PreformattedString

    parts = []
    for inner in node.descendants:
        if isinstance(inner, Tag):
            parts.append(" " if inner.name in _LINES or inner.name in _PARAGRAPHS else "")
        elif not isinstance(inner, PreformattedString):
            parts.append(str(inner))
    return " ".join("".join(parts).split())


def _marks(name: str, listed: _List, in_item: bool) -> tuple[str, str]:
    """What stands before and after the text of an element of this name."""
    if name == "li":
        listed.items += 1
        return f"{_BREAK}{listed.items}. {_ITEM}" if listed.ordered else f"{_BREAK}- {_ITEM}", f"{_ITEM_END}{_BREAK}"
    if name in ("td", "th"):
        return " ", " "
    if name in _PARAGRAPHS and not in_item:
        return "\n\n", "\n\n"
    if name == "br":
        return "\n", ""
    return (_BREAK, _BREAK) if name in _LINES or name in _PARAGRAPHS else ("", "")


def _table_row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |" if any(cells) else ""


def _tidy(text: str) -> str:
    """Marks and runs of space turned into single spaces, line ends and empty lines."""
    text = re.sub(rf"(?:-|\d+\.) {_ITEM}[\s{_BREAK}]*{_ITEM_END}", "", text)  # an item without text
    text = re.sub(
        rf"{_ITEM}[\s{_BREAK}]*|{_ITEM_END}", "", text
    )  # text stands beside its mark, whatever block holds it
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(
        rf"[ \n{_BREAK}]*[\n{_BREAK}][ \n{_BREAK}]*", lambda run: "\n\n" if run.group().count("\n") > 1 else "\n", text
    )
    return text.strip().replace("\x00", " ")


# ----------------------------------------------------------------------------------------------------------------- pdf


def pdf(path: Path, on_page_error: Callable[[int, str], None]) -> Converted:
    """The text of every page, in order, an empty line between them; `pages` holds the offset where each page starts.

    A page that can't be read is told to `on_page_error` (1-based number, reason) and left empty.
    Raises InputError for a file that is broken, encrypted, or has no text.
    """
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns about each flaw it got over
    try:
        reader = pypdf.PdfReader(path, strict=False)
        _unlock(reader, path)
        pages, count = list(_pages(reader, on_page_error)), len(reader.pages)
        title = _pdf_title(reader)
    except InputError:
        raise
    except Exception as error:  # pypdf lets through whatever broken bytes cause: KeyError, struct.error, RecursionError
        raise InputError(f"{path} is a broken PDF ({_reason(error)}): open it and save it anew") from error
    if not any(page.strip() for page in pages):
        what = f"its {count:,} pages hold no text, only images" if count else "it has no pages"
        raise InputError(f"{path} has no text layer: {what}; run OCR first (ocrmypdf in.pdf out.pdf)")
    words = set(re.findall(r"[^\W\d_]+", "\n".join(pages).lower()))
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    for page in pages:
        starts.append(length)
        page = _join_hyphens(page, words).strip()
        if page:
            parts.append(page)
            length += len(page) + 2
    text = "\n\n".join(parts)
    return text, {"pages": [min(start, len(text)) for start in starts]} | ({"title": title} if title else {})


def _unlock(reader: Any, path: Path) -> None:
    """Open a PDF whose owner set no password for reading. Raises InputError for the others."""
    from pypdf.errors import DependencyError

    if not reader.is_encrypted:
        return
    try:
        opened = reader.decrypt("")
    except DependencyError as error:
        raise InputError(f"{path} is encrypted with AES: pip install 'pypdf[crypto]' to read it") from error
    if not opened:
        raise InputError(f"{path} is encrypted: save a copy without a password")


def _pages(reader: Any, on_page_error: Callable[[int, str], None]) -> Iterator[str]:
    for number, page in enumerate(reader.pages, 1):
        try:
            text = page.extract_text()
        except Exception as error:  # as above; the other pages may be fine
            on_page_error(number, _reason(error))
            text = ""
        yield "\n".join(line.strip() for line in clean(text).replace("\r", "\n").split("\n"))


def _pdf_title(reader: Any) -> str:
    """The title in the PDF's properties, unless a converter left a file name there."""
    title = " ".join(clean(str((reader.metadata or {}).get("/Title") or "")).split())
    left_over = re.search(
        r"^untitled|^microsoft \w+ - |\.(?:docx?|pptx?|xlsx?|tex|dvi|indd|pdf)$", title, re.IGNORECASE
    )
    return "" if left_over else title


def _join_hyphens(page: str, words: set[str]) -> str:
    """ "infor-⏎mation" → "information", where the document has that word unbroken somewhere else."""

    def joined(match: re.Match[str]) -> str:
        whole = match.group(1) + match.group(2)
        return whole + "\n" if whole.lower() in words else match.group()

    return re.sub(r"([^\W\d_]+)-\n([a-z]+)[ ]?", joined, page)


# ---------------------------------------------------------------------------------------------------------------- docx


def docx(path: Path) -> Converted:
    """Paragraphs, headings, lists and tables in order, tracked insertions and content controls included.

    Raises InputError for a file that is broken, encrypted, or of the old .doc format.
    """
    import docx as python_docx

    with open(path, "rb") as file:
        if file.read(8) == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            raise InputError(f"{path} is encrypted or an old .doc file: save it as .docx without a password")
    try:
        document = python_docx.Document(str(path))
        blocks = list(_docx_blocks(document.element.body, document))
        title = " ".join(clean(document.core_properties.title or "").split())
    except Exception as error:  # python-docx, zipfile and lxml each let through what broken bytes cause
        raise InputError(f"{path} is a broken docx ({_reason(error)}): open it and save it anew") from error
    text = clean("\n".join(blocks))
    return re.sub(r"\n{3,}", "\n\n", text).strip(), {"title": title} if title else {}


def _docx_blocks(container: Any, document: Any) -> Iterator[str]:
    """A body's blocks as text; an empty string makes an empty line. python-docx itself skips content controls."""
    from docx.oxml.ns import qn

    for element in container:
        if element.tag == qn("w:p"):
            text = _docx_text(element)
            if text.strip():
                yield from _docx_paragraph(element, text, document)
        elif element.tag == qn("w:tbl"):
            yield ""
            for row in _own(element, qn("w:tr")):
                yield _table_row([" ".join(_docx_text(cell).split()) for cell in _own(row, qn("w:tc"))])
            yield ""
        elif element.tag in (qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:customXml"), qn("w:smartTag")):
            yield from _docx_blocks(element, document)


def _own(element: Any, tag: str) -> Iterator[Any]:
    """A table's rows or a row's cells, without those of tables inside its cells."""
    return (inner for inner in element.iter(tag) if next(inner.iterancestors(element.tag)) is element)


def _docx_paragraph(element: Any, text: str, document: Any) -> list[str]:
    from docx.text.paragraph import Paragraph

    style = Paragraph(element, document).style
    name = (style.name or "").lower() if style is not None else ""
    heading = re.match(r"(?:heading|标题)\s*([1-9])", name)
    if heading or name == "title":
        level = min(int(heading.group(1)), 6) if heading else 1
        return ["", "#" * level + " " + " ".join(text.split()), ""]
    properties = element.pPr
    if name.startswith("list") or (properties is not None and properties.numPr is not None):
        return ["- " + " ".join(text.split())]
    return ["", text.strip(), ""]


def _docx_text(element: Any) -> str:
    """The text of a paragraph or a cell: with tracked insertions, without deletions (w:delText) and fallback copies."""
    from docx.oxml.ns import qn

    parts: list[str] = []
    for node in element.iter(qn("w:t"), qn("w:tab"), qn("w:br"), qn("w:cr"), qn("w:noBreakHyphen"), qn("w:p")):
        if next(node.iterancestors(_FALLBACK), None) is not None:
            continue
        if node.tag == qn("w:p"):
            parts.append("\n" if parts else "")
        elif node.tag == qn("w:t"):
            parts.append(node.text or "")
        elif node.getparent().tag == qn("w:r"):  # not the tab stops of a paragraph's format
            parts.append({"tab": "\t", "noBreakHyphen": "-"}.get(node.tag.rpartition("}")[2], "\n"))
    return "".join(parts)


def _reason(error: BaseException) -> str:
    """What a library's exception says, in one line of at most 120 characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:120]
