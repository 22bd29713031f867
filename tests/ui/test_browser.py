"""The real page with the real models, in a real browser: Playwright drives Debian's Chromium.

    python -m pytest -m browser tests/ui/test_browser.py

Needs `pip install playwright` (no browser of its own), /usr/bin/chromium and the default weights; skips without.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmground.knowledge import weights
from tests.ui.served import start, wait_until_served

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")
playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 240_000  # ms: loading the models takes half a minute on a busy machine
EXPECT = playwright.expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's Chromium: apt install chromium"),
    pytest.mark.skipif(
        not all(map(weights.is_here, weights.DEFAULTS)), reason="needs the default weights: firmground weights"
    ),
]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page keeps things."""
    return tmp_path_factory.mktemp("space")


@pytest.fixture(scope="module")
def address(space: Path) -> Iterator[str]:
    process, port = start(f"--workspace={space}")
    try:
        wait_until_served(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Opens the page; at the end no script has failed and nothing outside this machine was asked for."""
    contexts, errors, requests = [], [], []

    def open_page(locale: str = "en-GB", width: int = 1360):
        context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address)
        return page

    EXPECT.set_options(timeout=PATIENCE)
    yield open_page
    for context in contexts:
        context.close()
    assert not errors
    outside = [
        url for url in requests if not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
    ]
    assert not outside


def card(page, arm: str):
    return page.locator(f"[data-arm={arm}]")


def test_an_english_question_gets_both_answers_verdicts_and_a_citation(visit):
    page = visit()
    page.get_by_label("Your question").fill("How many bones does an adult have?")
    page.keyboard.press("Enter")
    EXPECT(page.get_by_role("heading", name="Evidence: 4 passages")).to_be_visible()
    EXPECT(card(page, "augmented").locator(".fg-answer")).to_contain_text("206")
    assert card(page, "augmented").get_by_role("img", name="Supported").count() == 2  # in the answer and in the list
    plain = card(page, "plain").locator(".fg-answer")
    assert plain.inner_text().strip()
    assert card(page, "plain").locator(".fg-claim").count() >= 1
    # Both answers stand side by side.
    left, right = (card(page, arm).bounding_box() for arm in ("plain", "augmented"))
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]
    # The citation opens, by keyboard, at the sentence in its passage.
    quote = card(page, "augmented").locator(".fg-quote")
    EXPECT(quote).to_be_hidden()
    card(page, "augmented").locator("summary").focus()
    page.keyboard.press("Enter")
    EXPECT(quote).to_be_visible()
    EXPECT(quote.locator("mark")).to_contain_text("206 bones")
    assert re.search(r"commonsense-en\.jsonl · biological-\d+ · characters \d+–\d+", quote.inner_text())


def test_a_chinese_question_is_answered_with_quotes(visit):
    page = visit(locale="zh-CN", width=390)
    EXPECT(page.get_by_role("button", name="提问", exact=True)).to_be_visible()
    page.get_by_role("button", name="红细胞能活多久？").click()
    EXPECT(page.get_by_role("heading", name="资料：")).to_be_visible()
    EXPECT(card(page, "extractive").locator(".fg-answer")).to_contain_text("120天")
    assert card(page, "extractive").get_by_role("img", name="有依据").count() == 2
    EXPECT(page.get_by_role("note")).to_contain_text("没有学过中文")
    # Stacked on a narrow screen, and nothing is wider than the screen.
    plain, quoted = (card(page, arm).bounding_box() for arm in ("plain", "extractive"))
    assert plain["y"] + plain["height"] <= quoted["y"]
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    card(page, "extractive").locator("summary").click()
    EXPECT(card(page, "extractive").locator(".fg-quote mark")).to_contain_text("寿命约120天")


def test_a_second_click_stops_the_first_question_and_nothing_mixes(visit):
    page, other = visit(), visit()
    page.get_by_role("button", name="At what temperature does candle wax").click()
    EXPECT(page.locator(".fg-busy")).to_be_visible()
    page.get_by_role("button", name="By how much does water swell").click()
    other.get_by_role("button", name="How many bones does an adult have?").click()
    EXPECT(page.get_by_role("heading", name="Evidence: 4 passages")).to_be_visible()
    EXPECT(page.locator(".fg-asked")).to_have_text("By how much does water swell when it freezes?")
    EXPECT(card(page, "augmented").locator(".fg-answer")).to_contain_text("9 percent")
    EXPECT(other.get_by_role("heading", name="Evidence: 4 passages")).to_be_visible()
    EXPECT(card(other, "augmented").locator(".fg-answer")).to_contain_text("206")
    assert page.locator(".fg-card[data-arm]").count() == other.locator(".fg-card[data-arm]").count() == 2


def test_the_page_is_its_own_and_a_wrong_folder_is_told_in_one_message(visit):
    page = visit()
    EXPECT(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    for leftover in ("stAppDeployButton", "stMainMenu"):
        assert not page.get_by_test_id(leftover).is_visible()
    box = page.get_by_role("combobox", name="Knowledge base")
    box.fill("/no/such/<b>folder</b>")
    box.press("Enter")
    EXPECT(page.get_by_role("alert")).to_contain_text("no knowledge base at /no/such/<b>folder</b>: check the path")
    assert page.get_by_text("Traceback").count() == 0


def open_view(page, name: str):
    page.get_by_role("link", name=name).click()


def test_a_file_is_put_in_asked_about_and_deleted(visit):
    page = visit()
    open_view(page, "Knowledge")
    page.get_by_text("Make a knowledge base").click()
    page.get_by_label("Name", exact=True).fill("lake")
    page.get_by_role("button", name="Make it").click()
    page.get_by_text("Drop files or a folder").wait_for()
    files = {
        "lake.txt": "Lake Grell is 41 metres deep. Its water is cold all year.",
        "notes.md": "# Boats\n\nThe ferry to the island takes 12 minutes.",
        "empty.txt": "",
    }
    page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "text/plain", "buffer": words.encode()} for name, words in files.items()]
    )
    page.get_by_role("button", name="Add 3 files").click()
    EXPECT(page.get_by_text("Documents: 2 added")).to_be_visible()
    EXPECT(page.get_by_text("the file is empty")).to_be_visible()  # which one and why
    open_view(page, "Compare")
    page.get_by_role("combobox", name="Knowledge base").click()
    page.get_by_role("option", name="lake").click()
    ask(page, "How deep is Lake Grell?")
    EXPECT(card(page, "augmented").locator(".fg-answer")).to_contain_text("41")
    # The cited document is opened at the place.
    card(page, "augmented").locator("xpath=ancestor::*[@data-testid='stColumn']").get_by_text("Open source").click()
    EXPECT(page.get_by_role("dialog").locator("mark")).to_contain_text("41 metres deep")
    page.keyboard.press("Escape")
    # Deleted, it is gone from the next answer.
    open_view(page, "Knowledge")
    page.get_by_label("Find a document by title or id").fill("lake")
    page.keyboard.press("Enter")
    page.get_by_text("1 of 2 documents").wait_for()
    rows = page.locator("[data-testid=stDataFrame] canvas").first
    rows.click(position={"x": 15, "y": 52})  # the box before the first row
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete it for good").click()
    EXPECT(page.get_by_text("1 of 1 documents").or_(page.get_by_text("No title or id holds that."))).to_be_visible()
    open_view(page, "Compare")
    ask(page, "How deep is Lake Grell, then?")
    assert page.get_by_text("41 metres").count() == 0


def ask(page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    EXPECT(page.locator(".fg-asked")).to_have_text(question)
    EXPECT(page.get_by_role("heading", name="Evidence:")).to_be_visible()


def test_a_mitigation_is_switched_off_and_the_answer_changes_with_it(visit):
    page = visit()
    ask(page, "By how much does water swell when it freezes?")
    before = card(page, "augmented").locator(".fg-foot").inner_text()
    page.get_by_text("What “augmented” does").click()
    page.get_by_text("Fitting sentences").click()
    page.get_by_text("A limit to the evidence").click()
    ask(page, "By how much does water swell as it freezes?")
    after = card(page, "augmented").locator(".fg-foot").inner_text()
    assert tokens(after) > tokens(before)  # whole passages instead of sentences


def tokens(foot: str) -> int:
    found = re.search(r"(\d+) \+ \d+ tokens", foot)
    assert found
    return int(found.group(1))


def test_an_answer_gives_its_reasons(visit):
    page = visit()
    ask(page, "How many bones does an adult have?")
    page.locator(".st-key-under-augmented").get_by_text("Why this answer").click()
    reasons = page.get_by_role("dialog").frame_locator("iframe")
    EXPECT(reasons.get_by_role("heading", name="What it rests on")).to_be_visible()
    EXPECT(reasons.locator("li").first).to_contain_text("206")


def test_a_mark_on_an_answer_is_kept(visit, space):
    page = visit()
    ask(page, "How many bones does an adult have?")
    page.locator(".st-key-under-plain").get_by_role("radio", name="Thumbs down").click()
    until = time.monotonic() + 60
    while not (space / "labels.jsonl").exists():
        assert time.monotonic() < until
        page.wait_for_timeout(200)
    row = json.loads((space / "labels.jsonl").read_text(encoding="utf-8"))
    assert (row["arm"], row["question"]) == ("plain", "How many bones does an adult have?")
    assert row["label"] == "wrong"


def test_a_run_is_started_stopped_resumed_and_read(visit):
    page = visit()
    open_view(page, "Runs")
    page.get_by_label("At most so many questions").fill("4")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Start", exact=True).click()
    EXPECT(page.get_by_text("of 4 questions")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Go on").click()
    EXPECT(page.get_by_text("The whole report")).to_be_visible()
    report = page.frame_locator("iframe").first
    EXPECT(report.get_by_text("the same for all 3 arms")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="outcomes.csv").click()
    assert "augmented" in Path(download.value.path()).read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [1360, 390])
def test_every_view_is_whole_in_both_languages(visit, language, width):
    """Kept as docs/screenshot-VIEW-LANGUAGE.png where FIRMGROUND_SCREENSHOTS names a folder."""
    page = visit(locale="zh-CN" if language == "zh" else "en-GB", width=width)
    for view in ("knowledge", "runs", "settings"):
        page.goto(f"{page.url.rsplit('/', 1)[0]}/{view}")
        EXPECT(page.locator(".fg-name")).to_be_visible()
        EXPECT(page.get_by_test_id("stSpinner")).to_have_count(0)
        page.wait_for_timeout(1500)
        assert page.get_by_role("alert").count() == 0
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
        if width > 400 and (folder := os.environ.get("FIRMGROUND_SCREENSHOTS")):
            page.screenshot(path=str(Path(folder) / f"screenshot-{view}-{language}.png"))


def test_screenshot(visit, tmp_path):
    """Kept as docs/screenshot-page.png where FIRMGROUND_SCREENSHOT names a file."""
    page = visit()
    page.get_by_role("button", name="How long should I cool a burn under running water?").click()
    EXPECT(card(page, "augmented").locator(".fg-answer")).to_contain_text("20 minutes")
    EXPECT(page.get_by_role("heading", name="Evidence: 4 passages")).to_be_visible()
    EXPECT(page.get_by_text("246 documents")).to_be_visible()
    card(page, "augmented").locator("summary").click()
    page.mouse.move(5, 5)
    target = Path(os.environ.get("FIRMGROUND_SCREENSHOT") or tmp_path / "page.png")
    page.set_viewport_size({"width": 1360, "height": 1000})
    page.wait_for_timeout(600)
    page.screenshot(path=str(target))
    assert target.stat().st_size < 400_000
