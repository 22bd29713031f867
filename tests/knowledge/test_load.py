"""Loading: real files of every format, good and broken, made here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from firmground.knowledge.errors import InputError
from firmground.knowledge.load import Failure, LoadReport, find_files, load, load_all
from firmground.knowledge.types import Document


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def one(path: Path) -> Document:
    (document,) = load(path)
    return document


def make_pdf(path: Path, pages: list[list[str]], title: str = "") -> Path:
    """A PDF written by hand: a page for each list of lines."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for n, lines in enumerate(pages):
        shown = "".join(f"({line}) Tj 0 -20 Td " for line in lines)
        stream = f"BT /F1 12 Tf 72 720 Td {shown}ET" if lines else ""
        resources = "/Resources << /Font << /F1 3 0 R >> >> /MediaBox [0 0 612 792]"
        objects.append(f"<< /Type /Page /Parent 2 0 R {resources} /Contents {5 + 2 * n} 0 R >>")
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    objects.append(f"<< /Title ({title}) >>")
    body, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>"
    xref = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}\nstartxref\n{len(body)}\n%%EOF\n"
    return write(path, (body + xref).encode("latin-1"))


# -------------------------------------------------------------------------------------------------------------- finding


def test_folders_are_searched_through_without_hidden_files_and_in_order(tmp_path: Path) -> None:
    for name in ["b.md", "a.txt", "sub/c.HTML", ".hidden.md", ".git/d.md", "sub/pic.png", "Makefile"]:
        write(tmp_path / name, "x")
    skipped: list[Path] = []
    assert find_files([tmp_path], skipped) == [tmp_path / "a.txt", tmp_path / "b.md", tmp_path / "sub" / "c.HTML"]
    assert skipped == [tmp_path / "Makefile", tmp_path / "sub" / "pic.png"]


def test_each_file_is_found_once(tmp_path: Path) -> None:
    a = write(tmp_path / "a.txt", "x")
    (tmp_path / "link.txt").symlink_to(a)
    assert find_files([a, tmp_path, str(tmp_path / "*.txt"), tmp_path / "." / "a.txt"]) == [a]


def test_globs(tmp_path: Path) -> None:
    for name in ["a.md", "x/b.md", "x/y/c.md", "x/y/d.rst", "x/e.png"]:
        write(tmp_path / name, "x")
    assert find_files([f"{tmp_path}/**/*.md"]) == [tmp_path / "a.md", tmp_path / "x/b.md", tmp_path / "x/y/c.md"]
    assert find_files([f"{tmp_path}/x/**/*.rst"]) == [tmp_path / "x/y/d.rst"]  # the pattern names the ending
    skipped: list[Path] = []
    assert find_files([f"{tmp_path}/x/*"], skipped) == [tmp_path / "x/b.md", tmp_path / "x/y/c.md"]
    assert skipped == [tmp_path / "x/e.png", tmp_path / "x/y/d.rst"]
    bracket = write(tmp_path / "[draft].md", "x")
    assert find_files([bracket]) == [bracket]


def test_what_leads_nowhere_is_refused_in_one_line_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "pics" / "a.png", "x")
    os.mkfifo(tmp_path / "pipe")
    cases = {
        tmp_path / "missing.md": "doesn't exist: check the spelling",
        tmp_path / "empty": "holds no documents: no file was found; the formats read are txt, md, html",
        tmp_path / "pics": r"holds no documents: only 1 file of other formats \(1 \.png\)",
        f"{tmp_path}/*.docx": "matches no documents",
        tmp_path / "pipe": "isn't a file or a folder",
    }
    for path, message in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            find_files([path])
        assert "\n" not in str(caught.value)
        with pytest.raises(InputError, match=message):
            load_all([path])  # at once, not when the first document is asked for
    with pytest.raises(InputError, match="no documents were named"):
        find_files([])


# ---------------------------------------------------------------------------------------------------------------- texts


def test_text_and_markdown(tmp_path: Path) -> None:
    text = write(tmp_path / "notes" / "a.txt", "First line\r\nSecond line\rThird\n")
    assert one(text) == Document("a.txt", "First line\nSecond line\nThird\n", str(text), {"title": "a"})
    (document,) = load(text, root=tmp_path)
    assert document.id == "notes/a.txt"
    markdown = write(tmp_path / "b.md", "```\n# no title\n```\n\n## Deep Title ##\n\ntext\n# Other")
    assert one(markdown).title == "Deep Title"
    assert one(write(tmp_path / "c.md", "no heading")).title == "c"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "天空为什么是蓝色的？因为空气分子散射蓝光比散射红光多。"
    document = one(write(tmp_path / "a.txt", text.encode(encoding)))
    assert document.text == text
    assert document.metadata.get("encoding") == (None if encoding.startswith("utf-8") else encoding)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("L'été dernier, nous étions à la plage près de Nîmes. Ça coûte très cher.", "latin-1"),
        ("“Größe” — müde Füße, schöne Äpfel", "cp1252"),
        ("東京は日本の首都であり、世界最大の都市のひとつである。", "shift_jis"),
        ("東京は日本の首都であり、世界最大の都市のひとつである。", "euc-jp"),
        ("한국어 위키백과는 누구나 참여할 수 있는 인터넷 백과사전이다. 수도는 서울이다.", "euc-kr"),
        ("臺灣是一個位於東亞的島嶼，首都是臺北。這裡的人民使用繁體中文。", "big5"),
    ],
)
def test_other_encodings_are_refused_not_read_as_mojibake(tmp_path: Path, text: str, encoding: str) -> None:
    with pytest.raises(InputError, match=r"isn't text: it is neither UTF-8, UTF-16 nor GB18030; save it as UTF-8"):
        one(write(tmp_path / "a.txt", text.encode(encoding)))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "is empty"),
        ("a.md", b" \n\t ", "is empty"),
        ("a.txt", b"text\x00more", "isn't text: it holds NUL bytes"),
        ("a.txt", b"x" * 9000 + b"\x00", "isn't text: it holds NUL bytes"),
        ("a.bin", bytes(range(256)), "isn't text"),
        ("a.txt", "天空".encode() * 50 + b"\xff", "isn't text"),
        ("a.txt", b"\xff\xfea", "isn't text: its utf-16 breaks off"),
        ("a.html", b"<script>x</script>", "has no text in it"),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        one(write(tmp_path / name, content))
    assert "\n" not in str(caught.value)


def test_a_named_file_of_another_ending_is_read_as_text(tmp_path: Path) -> None:
    assert one(write(tmp_path / "script.py", "print('hi')")).text == "print('hi')"
    assert [d.id for d in load_all([tmp_path / "script.py"])] == [f"{tmp_path.as_posix()}/script.py"]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be opened"):
        one(tmp_path / "missing.txt")


# --------------------------------------------------------------------------------------------------- html, docx and pdf

PAGE = """<!DOCTYPE html><html><head><title> My
 page </title><style>p{}</style></head><body><nav>Home</nav><script>evil()</script>
<h1>Guide<br>One</h1><p>Water boils at <b>100</b>&nbsp;°C.<br>Second
 line</p><h2></h2>
<ul><li>one</li><li><p>two</p><ul><li>nested</li></ul></li><li></li></ul><ol><li>first<li>second</ol>
<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>
<pre>def f():
    return 1</pre><div style="display: none">ignore previous</div><p hidden>secret<b hidden>more</b></p><!-- note -->
<div>x<div>y</div>z</div></body></html>"""


def test_html(tmp_path: Path) -> None:
    document = one(write(tmp_path / "a.html", PAGE))
    assert document.title == "My page"
    assert document.text == (
        "# Guide One\n\nWater boils at 100 °C.\nSecond line\n\n- one\n- two\n- nested\n\n1. first\n2. second\n\n"
        "| A | B |\n| 1 | 2 |\n\n```\ndef f():\n    return 1\n```\n\nx\ny\nz"
    )


def test_html_by_its_declared_charset_and_without_a_title(tmp_path: Path) -> None:
    markup = '<meta charset="windows-1252"><h2>Größe</h2><p>schön'
    document = one(write(tmp_path / "a.htm", markup.encode("cp1252")))
    assert (document.title, document.text) == ("Größe", "## Größe\n\nschön")
    chinese = '<meta http-equiv="Content-Type" content="text/html; charset=gb2312"><p>深圳镕'
    assert one(write(tmp_path / "b.html", chinese.encode("gb18030"))).text == "深圳镕"
    with pytest.raises(InputError, match="says that its charset is ascii, but can't be read as that"):
        one(write(tmp_path / "c.html", b'<meta charset="ascii">caf\xe9 au lait'))


def test_html_nested_ten_thousand_deep(tmp_path: Path) -> None:
    markup = "<div>" * 10_000 + "deep" + "</div>" * 10_000
    assert one(write(tmp_path / "a.html", markup)).text == "deep"


def test_docx(tmp_path: Path) -> None:
    import docx
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    made = docx.Document()
    made.add_heading("手册", 0)
    made.add_heading("安装", 1)
    made.add_paragraph("先安装 Python。").add_run("\tThen\nrun.")
    made.add_paragraph("item", style="List Bullet")
    table = made.add_table(2, 2)
    for place, words in enumerate(["k", "v", "a", "b"]):
        table.cell(place // 2, place % 2).text = words
    made.element.body.append(
        parse_xml(
            f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:pPr><w:tabs><w:tab w:val='left' w:pos='1'/></w:tabs></w:pPr>"
            "<w:r><w:t>In a control</w:t></w:r><w:ins><w:r><w:t>, inserted</w:t></w:r></w:ins>"
            "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del></w:p></w:sdtContent></w:sdt>"
        )
    )
    path = tmp_path / "a.docx"
    made.save(str(path))
    document = one(path)
    assert document.text == (
        "# 手册\n\n# 安装\n\n先安装 Python。\tThen\nrun.\n\n- item\n\n| k | v |\n| a | b |\n\nIn a control, inserted"
    )
    assert document.title == "手册"
    made.core_properties.title = "The Handbook"
    made.save(str(path))
    assert one(path).title == "The Handbook"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a zip", "is a broken docx"),
        (b"PK\x03\x04 truncated", "is a broken docx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "is encrypted or an old .doc file: save it as .docx"),
        (b"", "is empty"),
    ],
)
def test_broken_docx(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        one(write(tmp_path / "a.docx", content))
    assert "\n" not in str(caught.value)


def test_pdf_keeps_where_each_page_starts(tmp_path: Path) -> None:
    path = make_pdf(tmp_path / "a.pdf", [["Water boils.", "Ice melts."], [], ["Third page."]], "Physics")
    document = one(path)
    assert document.text == "Water boils.\nIce melts.\n\nThird page."
    assert document.metadata == {"title": "Physics", "pages": [0, 25, 25]}
    assert document.text[25:] == "Third page."


def test_pdf_joins_a_word_that_stands_unbroken_elsewhere(tmp_path: Path) -> None:
    path = make_pdf(
        tmp_path / "paper.pdf", [["The infor-", "mation is a well-", "known sort of information."]], "paper.tex"
    )
    document = one(path)
    assert document.text == "The information\nis a well-\nknown sort of information."
    assert document.title == "paper"  # a file name is no title


def test_pdf_that_can_not_be_read(tmp_path: Path) -> None:
    import pypdf

    good = make_pdf(tmp_path / "good.pdf", [["Secret text."]])
    writer = pypdf.PdfWriter(clone_from=str(good))
    writer.encrypt("password", algorithm="RC4-128")
    writer.write(str(tmp_path / "locked.pdf"))
    writer = pypdf.PdfWriter(clone_from=str(good))
    writer.encrypt("", "owner", algorithm="RC4-128")
    writer.write(str(tmp_path / "open.pdf"))
    make_pdf(tmp_path / "scan.pdf", [[], []])
    write(tmp_path / "broken.pdf", b"%PDF-1.4\n garbage")
    write(tmp_path / "cut.pdf", good.read_bytes()[:120])
    assert one(tmp_path / "open.pdf").text == "Secret text."  # no password is needed to read it
    for name, message in {
        "locked.pdf": "is encrypted: save a copy without a password",
        "scan.pdf": "has no text layer: its 2 pages hold no text, only images; run OCR first",
        "broken.pdf": "is a broken PDF",
        "cut.pdf": "broken PDF|no text layer",
    }.items():
        with pytest.raises(InputError, match=message) as caught:
            one(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_pdf_with_one_page_that_can_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdf

    path = make_pdf(tmp_path / "a.pdf", [["One."], ["Two."], ["Three."]])
    original = pypdf.PageObject.extract_text
    monkeypatch.setattr(
        pypdf.PageObject,
        "extract_text",
        lambda page: 1 / 0 if page.page_number == 1 else original(page),
    )
    report = LoadReport()
    (document,) = load_all([path], report)
    assert document.text == "One.\n\nThree."
    assert document.metadata["pages"] == [0, 6, 6]
    (failure,) = report.failures
    assert (failure.source, failure.reason[:41]) == (f"{path}, page 2", "can't be read (ZeroDivisionError: divisio")
    with pytest.raises(InputError, match="page 2: can't be read"):
        one(path)


# ------------------------------------------------------------------------------------------------------------- load_all


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    for n in range(30):
        write(tmp_path / "docs" / f"{n:02}.txt", f"Text {n}")
    write(tmp_path / "docs" / "07.txt", b"\x00\x01")
    write(tmp_path / "docs" / "12.pdf", "no pdf")
    write(tmp_path / "docs" / "x.png", "picture")
    report, told = LoadReport(), list[Failure]()
    documents = list(load_all([tmp_path / "docs"], report, told.append))
    assert [Path(d.id).name for d in documents] == [f"{n:02}.txt" for n in range(30) if n != 7]
    assert [failure.source for failure in report.failures] == [str(tmp_path / "docs" / n) for n in ("07.txt", "12.pdf")]
    assert report.failures[0].reason.startswith("isn't text: it holds NUL bytes; save it as UTF-8 text")
    assert report.failures == told
    assert str(report) == ("29 documents from 31 files; 1 file of other formats skipped (1 .png); 2 couldn't be read")
    assert all("\n" not in str(failure) for failure in report.failures)


def test_a_file_that_vanishes_is_a_failure(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "a")
    gone = write(tmp_path / "b.txt", "b")
    report = LoadReport()
    documents = load_all([tmp_path], report)
    assert next(documents).id == f"{tmp_path.as_posix()}/a.txt"
    gone.unlink()
    assert list(documents) == []
    assert "No such file" in report.failures[0].reason


def test_ids_are_the_paths_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ["one/readme.md", "two/readme.md", "two/sub/a.md"]:
        write(Path(name), name)
    for paths in (["one"], ["./one/"], ["one/readme.md"], ["o*/*.md"]):
        assert [d.id for d in load_all(paths)] == ["one/readme.md"]
    assert [d.id for d in load_all([tmp_path / "one"])] == [f"{tmp_path.as_posix()}/one/readme.md"]
    assert [d.id for d in load_all(["one", "two"])] == ["one/readme.md", "two/readme.md", "two/sub/a.md"]


def test_a_knowledge_base_inside_the_folder_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ["docs/a.md", "docs/kb/manifest.json", "docs/kb/store.sqlite", "docs/kb/vectors.f32", "docs/kb/x/b.md"]:
        write(Path(name), "{}")
    assert [path.as_posix() for path in find_files(["docs"])] == ["docs/a.md"]


def test_importing_the_loader_imports_no_heavy_library() -> None:
    script = (
        "import sys, firmground.knowledge.load, firmground.knowledge.chunk\n"
        "print([name for name in ('torch', 'bs4', 'pypdf', 'docx', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    assert run.stdout.strip() == "[]"
