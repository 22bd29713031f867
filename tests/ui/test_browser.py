"""The real page with the real models, in a real browser: Playwright drives Debian's Chromium.

    make test-ui        (or: python -m pytest -m browser tests/ui/test_browser.py)

Needs `pip install playwright` (no browser of its own), /usr/bin/chromium and the default weights; skips without.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmground.knowledge import weights
from tests.ui.served import CHROMIUM, chromium, served

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")
playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")

PATIENCE = 240_000  # ms: loading the models takes half a minute on a busy machine
EXPECT = playwright.expect
BONES, SWELL = "How many bones does an adult have?", "By how much does water swell when it freezes?"
SOUND = "How fast does sound travel in air?"  # the small model writes 1,000; a quotation says 340

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
    with served(f"--workspace={space}") as (url, _):
        yield url


@pytest.fixture(scope="module")
def browser():
    with chromium() as (one,):
        yield one


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
    return page.locator(f".fg-card[data-arm={arm}]")


def answer(page, arm: str):
    return card(page, arm).locator(".fg-answer")


def evidence(page):
    """Stands there when all is answered and judged."""
    return page.get_by_role("heading", name="Evidence: 4 passages")


def ask(page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    answered(page, question)


def answered(page, question: str) -> None:
    EXPECT(page.locator(".fg-asked")).to_have_text(question)
    EXPECT(page.locator(".fg-busy")).to_have_count(0)
    EXPECT(evidence(page)).to_be_visible()


def open_view(page, name: str) -> None:
    page.get_by_role("link", name=name).click()


def shown_on_hover(page, claim) -> str:
    """What the style sheet puts beside a claim that is reached."""
    return claim.evaluate("(one) => getComputedStyle(one, '::after').content")


def test_an_english_question_gets_both_answers_verdicts_and_a_citation(visit):
    page = visit()
    ask(page, BONES)
    EXPECT(answer(page, "augmented")).to_contain_text("206")
    supported = card(page, "augmented").get_by_role("img", name="Supported", exact=True)
    assert supported.count() == 2  # in the answer and in the list
    assert answer(page, "plain").inner_text().strip()
    assert card(page, "plain").locator(".fg-claim").count() >= 1
    # Both answers stand side by side.
    left, right = (card(page, arm).bounding_box() for arm in ("plain", "augmented"))
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]
    # What it cost, and how sure the model was of its words.
    cost = r"\d s · \d+ \+ \d+ tokens · the model's confidence \d+ % · find"
    assert re.search(cost, card(page, "augmented").inner_text())
    # Each passage says how it was found, and what by.
    chips = page.locator(".fg-evidence .fg-chips").first.inner_text()
    assert re.search(r"meaning #1\s*· cosine 0\.\d\d", chips)
    assert re.search(r"words #1\s*· BM25 \d+\.\d\d", chips)
    # The evidence sentence shows on hovering, and tapping or the keyboard's focus does the same.
    claim = answer(page, "augmented").locator(".fg-claim")
    assert shown_on_hover(page, claim) in ("none", "normal")
    claim.hover()
    assert "206 bones" in shown_on_hover(page, claim)
    page.mouse.move(5, 5)
    claim.focus()
    assert "206 bones" in shown_on_hover(page, claim)


def test_all_of_it_goes_by_keyboard_alone(visit):
    page = visit()
    page.get_by_label("Your question").focus()
    page.keyboard.type(BONES)
    page.keyboard.press("Enter")
    answered(page, BONES)
    quote = card(page, "augmented").locator(".fg-quote")
    EXPECT(quote).to_be_hidden()
    tab_to(page, card(page, "augmented").locator("summary"))
    page.keyboard.press("Enter")
    EXPECT(quote).to_be_visible()
    EXPECT(quote.locator("mark")).to_contain_text("206 bones")
    assert re.search(r"commonsense-en\.jsonl · biological-\d+ · characters \d+–\d+", quote.inner_text())
    # The document opens at the place, and closes.
    tab_to(page, page.locator(".st-key-under-augmented").get_by_role("button", name="Open source"))
    page.keyboard.press("Enter")
    EXPECT(page.get_by_role("dialog").locator("mark")).to_contain_text("206 bones")
    page.keyboard.press("Escape")
    EXPECT(page.get_by_role("dialog")).to_have_count(0)


def tab_to(page, wanted) -> None:
    for _ in range(80):
        if wanted.evaluate("(one) => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key doesn't reach {wanted}")


def test_a_chinese_question_is_answered_with_quotes_on_a_narrow_screen(visit):
    page = visit(locale="zh-CN", width=390)
    EXPECT(page.get_by_role("button", name="提问", exact=True)).to_be_visible()
    page.get_by_role("button", name="红细胞能活多久？").click()
    EXPECT(page.get_by_role("heading", name="资料：")).to_be_visible()
    EXPECT(answer(page, "extractive")).to_contain_text("120天")
    assert card(page, "extractive").get_by_role("img", name="有依据").count() == 2
    EXPECT(page.get_by_role("note").filter(has_text="没有学过中文")).to_be_visible()
    # Stacked on a narrow screen, and nothing is wider than the screen.
    plain, quoted = (card(page, arm).bounding_box() for arm in ("plain", "extractive"))
    assert plain["y"] + plain["height"] <= quoted["y"]
    assert width_of(page) <= 390
    card(page, "extractive").locator("summary").click()
    EXPECT(card(page, "extractive").locator(".fg-quote mark")).to_contain_text("寿命约120天")


def width_of(page) -> int:
    return page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")


def test_a_second_click_stops_the_first_question_and_two_people_do_not_mix(visit):
    page, other = visit(), visit()
    page.get_by_role("button", name="At what temperature does candle wax").click()
    EXPECT(page.locator(".fg-busy")).to_be_visible()
    page.get_by_role("button", name="By how much does water swell").click()
    other.get_by_role("button", name=BONES).click()
    answered(page, SWELL)
    EXPECT(answer(page, "augmented")).to_contain_text("9 percent")
    answered(other, BONES)
    EXPECT(answer(other, "augmented")).to_contain_text("206")
    assert page.locator(".fg-card[data-arm]").count() == other.locator(".fg-card[data-arm]").count() == 2
    # A follow-up is understood by one's own question, not by the other's.
    follow(page, "Why does it do that?")
    EXPECT(page.locator(".fg-understood")).to_have_text(re.compile("Understood as: Why does it do that.*water swell"))
    EXPECT(page.locator(".fg-history summary")).to_have_text(SWELL)
    assert other.locator(".fg-history").count() == 0


def follow(page, question: str) -> None:
    page.get_by_label("Ask a follow-up").fill(question)
    page.keyboard.press("Enter")
    EXPECT(page.locator(".fg-busy")).to_be_visible()
    EXPECT(evidence(page)).to_be_hidden()  # the last question's evidence isn't shown beside this one's answers
    answered(page, question)


def test_a_conversation_keeps_what_was_said_and_starts_anew(visit):
    page = visit()
    ask(page, BONES)
    follow(page, "And how many does a baby have?")
    understood = page.locator(".fg-understood")
    EXPECT(understood).to_contain_text("Understood as: And how many does a baby have? (")
    EXPECT(understood).to_contain_text("bones")
    past = page.locator(".fg-history details")
    EXPECT(past.locator("dd").first).to_be_hidden()
    past.locator("summary").click()
    EXPECT(past).to_contain_text("206")
    EXPECT(past.get_by_role("img", name="Supported", exact=True)).to_be_visible()
    page.get_by_role("button", name="Start anew").click()
    EXPECT(page.locator(".fg-idle")).to_have_count(2)
    EXPECT(page.get_by_label("Your question")).to_have_value("")
    assert page.locator(".fg-history").count() == 0


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


def test_a_file_is_put_in_asked_about_and_deleted(visit):
    page = visit()
    open_view(page, "Knowledge")
    page.get_by_test_id("stExpander").get_by_text("Make a knowledge base").click()
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
    EXPECT(page.get_by_role("cell", name="empty.txt is empty")).to_be_visible()  # which one and why
    open_view(page, "Compare")
    page.get_by_label("Your question").wait_for()
    page.get_by_test_id("stSidebar").get_by_role("combobox", name="Knowledge base").click()
    page.get_by_role("option", name="lake").click()
    EXPECT(page.get_by_text("2 documents, encoder")).to_be_visible()
    ask_lake(page, "How deep is Lake Grell?")
    EXPECT(answer(page, "augmented")).to_contain_text("41")
    # The cited document is opened at the place.
    page.locator(".st-key-under-augmented").get_by_role("button", name="Open source").click()
    EXPECT(page.get_by_role("dialog").locator("mark")).to_contain_text("41 metres deep")
    page.keyboard.press("Escape")
    # Deleted, it is gone from the next answer.
    open_view(page, "Knowledge")
    page.get_by_role("button", name="Put this away").click()
    EXPECT(page.get_by_text("Documents: 2 added")).to_have_count(0)
    page.get_by_label("Find a document by title or id").fill("lake")
    page.keyboard.press("Enter")
    page.get_by_text("1 of 2 documents").wait_for()
    rows = page.locator("[data-testid=stDataFrame] canvas").first
    rows.click(position={"x": 15, "y": 52}, force=True)  # the box before the first row; a scroller lies above it
    page.get_by_test_id("stPopover").get_by_role("button").click()
    page.get_by_role("button", name="Delete it for good").click()
    EXPECT(page.get_by_text("No title or id holds that.")).to_be_visible()
    open_view(page, "Compare")
    EXPECT(page.get_by_text("1 documents, encoder")).to_be_visible()
    ask_lake(page, "How deep is Lake Grell, then?")
    assert page.get_by_text("41 metres").count() == 0
    EXPECT(page.locator(".fg-evidence")).to_contain_text("ferry")


def ask_lake(page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    EXPECT(page.locator(".fg-asked")).to_have_text(question)
    EXPECT(page.get_by_role("heading", name="Evidence:")).to_be_visible()


def test_a_mitigation_is_switched_off_and_the_answer_changes(visit):
    page = visit()
    ask(page, SOUND)
    EXPECT(answer(page, "augmented")).to_contain_text("340 metres per second")
    note = card(page, "augmented").get_by_role("note")
    EXPECT(note).to_have_text(
        "The model wrote “1,000 metres per second”. A quotation fits the question and is likely enough: it is given "
        "instead."
    )
    page.get_by_text("What “augmented” does").click()
    switch = page.locator(".st-key-switch-spans")
    EXPECT(switch).to_contain_text("Quotations weighed too")
    switch.locator("label").click()
    EXPECT(page.get_by_role("switch", name="Quotations weighed too")).not_to_be_checked()
    ask(page, SOUND + " ")
    EXPECT(answer(page, "augmented")).to_contain_text("1,000 metres per second")
    EXPECT(note).to_have_count(0)


def test_an_answer_gives_its_reasons_and_a_mark_on_it_is_kept(visit, space):
    page = visit()
    ask(page, BONES)
    page.locator(".st-key-under-augmented").get_by_text("Why this answer").click()
    reasons = page.get_by_role("dialog").frame_locator("iframe")
    EXPECT(reasons.get_by_role("heading", name="What it rests on")).to_be_visible()
    EXPECT(reasons.locator("li").first).to_contain_text("206")
    page.keyboard.press("Escape")
    page.locator(".st-key-under-plain").get_by_role("radio", name="Thumbs down").click()
    until = time.monotonic() + 60
    while not (space / "labels.jsonl").exists():
        assert time.monotonic() < until
        page.wait_for_timeout(200)
    row = json.loads((space / "labels.jsonl").read_text(encoding="utf-8"))
    assert (row["arm"], row["question"], row["label"]) == ("plain", BONES, "wrong")


def test_a_run_is_started_stopped_resumed_and_read(visit):
    page = visit()
    open_view(page, "Runs")
    page.get_by_label("At most so many questions").fill("3")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Start", exact=True).click()
    EXPECT(page.get_by_text("of 3 questions")).to_be_visible()
    chosen = page.locator(".st-key-run input")
    EXPECT(chosen).to_have_value(re.compile("· running$"))
    page.get_by_role("button", name="Stop", exact=True).click()
    EXPECT(page.get_by_role("button", name="Go on")).to_be_visible()
    EXPECT(chosen).to_have_value(re.compile("· stopped; can go on$"))
    page.get_by_role("button", name="Go on").click()
    EXPECT(page.get_by_text("The whole report")).to_be_visible()
    EXPECT(chosen).to_have_value(re.compile("· finished$"))
    report = page.frame_locator("iframe").first
    EXPECT(report.get_by_text("the same for all 3 arms")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="outcomes.csv").click()
    assert "augmented" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    # What is chosen stays chosen when the words for it are others.
    to = page.locator("[class*=st-key-run_to-] input")
    for language, arm, none in (("中文", "检索增强", "不对比"), ("English", "Augmented", "no other")):
        page.get_by_role("radio", name=language).locator("xpath=ancestor-or-self::label").click()
        EXPECT(to).to_have_value(arm)
        EXPECT(page.locator("[class*=st-key-against-] input")).to_have_value(none)
        settled(page)


def test_the_language_is_switched_and_every_view_fits_wide_and_narrow(visit):
    page = visit()
    views = len(page.get_by_test_id("stTopNavLink").all()) or 4
    ask(page, BONES)
    for language, ask_button in (("中文", "提问"), ("English", "Ask")):
        page.get_by_role("radio", name=language).locator("xpath=ancestor-or-self::label").click()
        EXPECT(page.get_by_role("button", name=ask_button, exact=True)).to_be_visible()
        EXPECT(page.locator(".fg-asked")).to_have_text(BONES)  # what was asked stays
        for number in range(views):
            page.set_viewport_size({"width": 1360, "height": 900})
            page.get_by_test_id("stTopNavLink").nth(number).click()
            settled(page)
            chinese = re.search("[\u4e00-\u9fff]", page.locator(".fg-tagline").inner_text())
            assert bool(chinese) == (language == "中文")
            for width in (1360, 390):
                page.set_viewport_size({"width": width, "height": 900})
                page.wait_for_timeout(300)
                assert width_of(page) <= width
        page.set_viewport_size({"width": 1360, "height": 900})
        page.get_by_test_id("stTopNavLink").first.click()
        settled(page)


def settled(page) -> None:
    """All is drawn, and nothing went wrong."""
    EXPECT(page.locator(".fg-name")).to_be_visible()
    page.wait_for_timeout(500)
    EXPECT(page.get_by_test_id("stSpinner")).to_have_count(0)
    assert page.get_by_role("alert").count() == 0
    assert page.get_by_text("Traceback").count() == 0
