"""The real page with the real models, in a real browser: Playwright drives Debian's Chromium.

    python -m pytest -m browser tests/ui/test_browser.py

Needs `pip install playwright` (no browser of its own), /usr/bin/chromium and the default weights; skips without.
"""

from __future__ import annotations

import os
import re
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
def address() -> Iterator[str]:
    process, port = start()
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
