"""Bytes to text, or a plain refusal: a file is decoded right or not at all, never into mojibake."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

from firmground.knowledge.errors import InputError

CHUNK = 1 << 20  # bytes read at a time
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# The most frequent letters of written Chinese: two of three letters of a text are among them, but
# only one in ten of what another language's bytes turn into when they are read as GB18030.
_FREQUENT = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经"
    "么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全"
    "三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任"
    "常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必"
    "场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告"
    "类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运"
)


def clean(value: Any) -> Any:
    """The same value with what no store or terminal takes removed from its strings: NULs, and lone surrogates (→ �)."""
    if isinstance(value, str):
        if value.isascii() and "\x00" not in value:
            return value
        return _UNSTORABLE.sub(lambda found: "" if found.group() == "\x00" else "\ufffd", value)
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def read_text(path: Path) -> tuple[str, str]:
    """The text of a file, line ends as \\n, and its encoding. Raises InputError where it isn't text or is empty."""
    encoding = detect(path)
    try:
        text = path.read_text(encoding=encoding)
    except UnicodeDecodeError as error:
        raise InputError(_not_text(path, f"its {encoding} breaks off at byte {error.start:,}")) from error
    if not text.strip():
        raise InputError(f"{path} is empty: there is nothing to index")
    return clean(text), encoding


def detect(path: Path, by_line: bool = False) -> str:
    """The encoding of a text file: by its byte order mark, else UTF-8, else GB18030 if that reads as Chinese.

    The whole file is checked, in one pass of constant memory. `by_line`: the caller decodes line by line and reports
    broken lines, so a file with text at its head is taken for UTF-8 although not all of it is.
    Raises InputError where the file isn't text.
    """
    with open(path, "rb") as file:
        head = file.read(8192)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    if b"\x00" in head:
        raise InputError(_not_text(path, "it holds NUL bytes"))
    if _decodes(path, "utf-8", refuse_nul=not by_line):
        return "utf-8"
    if _decodes(path, "gb18030", refuse_nul=not by_line) and _reads_as_chinese(path):
        return "gb18030"
    if by_line and _mostly_utf8(head):
        return "utf-8"
    raise InputError(_not_text(path, "it is neither UTF-8, UTF-16 nor GB18030"))


def _not_text(path: Path, why: str) -> str:
    return (
        f"{path} isn't text: {why}; save it as UTF-8 text, html, pdf or docx"
        " (iconv -f ITS_ENCODING -t UTF-8 converts other encodings)"
    )


def _decodes(path: Path, encoding: str, refuse_nul: bool) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with open(path, "rb") as file:
        try:
            while chunk := file.read(CHUNK):
                if refuse_nul and b"\x00" in chunk:
                    raise InputError(_not_text(path, "it holds NUL bytes"))
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _mostly_utf8(head: bytes) -> bool:
    """At most one character in a hundred of the head is broken."""
    return head.decode("utf-8", "replace").count("\ufffd") <= 1 + len(head) // 100


def _reads_as_chinese(path: Path) -> bool:
    """Whether bytes that GB18030 can decode are Chinese, not Latin-1, Big5, Shift-JIS or EUC bytes by accident.

    Of the first 5,000 characters beyond ASCII, 70% must be everyday ones (level 1 of GB 2312, or punctuation) and,
    where there are ten letters to judge by, 30% among the most frequent.
    """
    decoder = codecs.getincrementaldecoder("gb18030")()
    sample = ""
    with open(path, "rb") as file:
        while len(sample) < 5000 and (chunk := file.read(CHUNK)):
            sample += "".join(character for character in decoder.decode(chunk) if character > "\x7f")
    sample = sample[:5000]
    leads = [character.encode("gb2312", "ignore")[:1] for character in sample]
    letters = [c for c, lead in zip(sample, leads, strict=True) if lead >= b"\xb0"]
    everyday = sum(b"\xb0" <= lead <= b"\xd7" or lead in (b"\xa1", b"\xa3") for lead in leads)
    frequent = sum(letter in _FREQUENT for letter in letters)
    return everyday >= 0.7 * len(sample) and (len(letters) < 10 or frequent >= 0.3 * len(letters))
