"""The page's logic, run by Streamlit's AppTest with a small fake assistant."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")

from dataclasses import replace

from streamlit.testing.v1 import AppTest

from firmground.knowledge.errors import InputError
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, PLAIN
from firmground.rag.types import Replaced, Weighing
from firmground.ui import engine, page
from firmground.ui.asked import Asked, Settings, check
from firmground.ui.wording import EXAMPLES, text
from tests.ui.fakes import HIT, PASSAGE, FakeAssistant, FakeBase

APP = Path(__file__).resolve().parents[2] / "ui" / "app.py"
QUESTION = "How much does water swell?"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeAssistant:
    """The engine, replaced by a fake; the command line, by that of `firmground ui` without options."""
    assistant = FakeAssistant({"plain": "1 cubic foot", "augmented": "by 9 percent", "extractive": "9 percent"})
    monkeypatch.setattr(sys, "argv", ["app.py"])
    monkeypatch.setattr(engine, "knowledge_base", lambda kb, device=None: FakeBase())
    monkeypatch.setattr(engine, "generator", lambda name, device=None: object())
    monkeypatch.setattr(engine, "assistant", lambda kb, generator, chosen=None: assistant)
    return assistant


def opened() -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not app.exception
    return app


def ask(app: AppTest, question: str = QUESTION) -> AppTest:
    app.text_input(key="question").input(question)
    app.button[0].click().run()
    assert app.button[0].label in ("Ask", "提问")
    assert not app.exception
    return app


def html(app: AppTest) -> list[str]:
    """Every block of HTML on the page, the style sheet apart."""
    bodies = [element.proto.body for element in app.get("html")]
    return [body for body in bodies if "<style>" not in body]


class Reader(HTMLParser):
    """What a browser makes of some HTML: its tags with their attributes, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.text += data


def read(app: AppTest) -> Reader:
    return Reader("\n".join(html(app)))


def card(app: AppTest, arm: str) -> Reader:
    found = [body for body in html(app) if f'data-arm="{arm}"' in body]
    assert len(found) == 1
    return Reader(found[0])


def test_the_first_page_says_what_it_is_and_asks_nothing(fake):
    app = opened()
    assert text("tagline", "en") in read(app).text
    assert [button.label for button in app.button] == ["Ask"] + [q for kind in ("en", "zh") for _, q in EXAMPLES[kind]]
    assert app.multiselect(key="arms").value == ["plain", "augmented"]
    assert app.selectbox(key="kb").options == ["commonsense-en", "commonsense-zh"]
    assert "246 documents, encoder fake-encoder" in read(app).text
    assert fake.log == []


def test_both_answers_with_verdicts_and_the_evidence(fake):
    app = ask(opened())
    plain, augmented = card(app, "plain"), card(app, "augmented")
    assert "1 cubic foot?" in plain.text
    assert "Unsupported support 0.10" in plain.text
    assert "by 9 percent✓" in augmented.text
    assert "Supported support 0.90" in augmented.text
    # The cited sentence is marked in its passage, with the place it can be opened at.
    body = next(one for one in html(app) if 'data-arm="augmented"' in one)
    assert "Water is odd. <mark>It swells by 9 percent when it freezes.</mark>" in body
    assert "physics.pdf · physical-001 · page 3 · characters 114–153" in augmented.text
    assert "1.2 s · 20 + 3 tokens · find 0.25 s · answer 1.00 s · check 0.00 s" in augmented.text
    # Scores and ranks, and who found it.
    for words in ("1. Why ice floats", "meaning #1 · cosine 0.62", "words #4 · BM25 7.25", "score 0.500", "Augmented"):
        assert words in "".join(html(app))


def test_arms_stream_in_turn_and_are_judged_once_together(fake, monkeypatch):
    drawn = []
    draw = page.streaming_card
    monkeypatch.setattr(
        page, "streaming_card", lambda arm, words, *more: drawn.append((arm, words)) or draw(arm, words, *more)
    )
    ask(opened())
    plain = [("plain", words) for words in ("", "1", "1 cubic", "1 cubic foot")]
    assert drawn == plain + [("augmented", words) for words in ("", "by", "by 9", "by 9 percent")]
    assert fake.log == ["ask plain", "ask augmented", "judge plain augmented"]


def test_nothing_is_asked_twice_when_the_page_is_drawn_again(fake):
    app = ask(opened())
    app.run()
    app.multiselect(key="arms").set_value(["plain"]).run()
    assert fake.log == ["ask plain", "ask augmented", "judge plain augmented"]
    assert "by 9 percent" in card(app, "augmented").text


def test_an_answer_that_declined_and_an_empty_one(fake):
    fake.answers = {"plain": "", "augmented": "I don't know."}
    app = ask(opened())
    assert "(an empty answer)" in card(app, "plain").text
    assert "I don't know." in card(app, "augmented").text
    assert "Declined to answer" in card(app, "augmented").text


def test_a_follow_up_is_understood_by_what_was_said_and_a_new_start_forgets_it(fake):
    app = ask(opened(), "How many bones does an adult have?")
    fake.answers = {"plain": "fewer", "augmented": "300"}
    follow(app, "How long is it?")
    assert fake.questions[-2:] == ["How long is it? (bones adult 9 percent)"] * 2  # what augmented said, not plain
    assert "Understood as: How long is it? (bones adult 9 percent)" in read(app).text
    past = next(one for one in html(app) if "fg-history" in one)
    assert "How many bones does an adult have?" in past
    assert "by 9 percent" in past
    assert "300" in card(app, "augmented").text
    # An empty follow-up asks nothing; a new question above has no history.
    follow(app, "  ")
    assert len(fake.questions) == 4
    ask(app, "And now?")
    assert fake.questions[-1] == "And now?"
    assert not any("fg-history" in one for one in html(app))
    button(app, "Start anew").click().run()
    assert not app.exception
    assert app.text_input(key="question").value == ""
    assert not any("fg-asked" in one for one in html(app))


def follow(app: AppTest, question: str) -> None:
    app.text_input(key="follow-up").input(question)
    button(app, "Ask on").click().run()
    assert not app.exception


def button(app: AppTest, label: str):
    return next(one for one in app.button if one.label == label)


def test_what_a_quotation_took_the_place_of_is_told(fake, monkeypatch):
    drawn = []
    draw = page.streaming_card
    monkeypatch.setattr(
        page, "streaming_card", lambda arm, words, *more: drawn.append((arm, words, *more)) or draw(arm, words, *more)
    )
    fake.after = {"augmented": [Weighing(1, 2), Weighing(2, 2), Replaced("by 9 percent", "quotation")]}
    fake.answers = {"plain": "1", "augmented": "a lot"}
    app = ask(opened())
    assert drawn[-3:] == [
        ("augmented", "a lot", "en", Weighing(1, 2)), ("augmented", "a lot", "en", Weighing(2, 2)),
        ("augmented", "by 9 percent", "en", None),
    ]  # fmt: skip
    assert "The model wrote “a lot”." in card(app, "augmented").text
    assert "The model wrote" not in card(app, "plain").text


def test_a_mitigation_is_switched_off_and_another_on(fake):
    app = opened()
    app.toggle(key="switch-spans").set_value(False).run()
    app.toggle(key="switch-gate").set_value(True).run()
    ask(app)
    assert fake.arms == [PLAIN, replace(AUGMENTED, spans=0, gate=0.2)]
    app.toggle(key="switch-sentences").set_value(False).run()
    assert app.toggle(key="switch-budget").disabled  # nothing is left to limit
    app.radio(key="language").set_value("中文").run()
    assert [app.toggle(key=f"switch-{name}").value for name in ("spans", "gate", "best")] == [False, True, True]
    app.multiselect(key="arms").set_value(["plain"]).run()  # the switches aren't drawn, and aren't forgotten
    app.multiselect(key="arms").set_value(["plain", "augmented"]).run()
    assert not app.exception
    assert [app.toggle(key=f"switch-{name}").value for name in ("spans", "gate", "best")] == [False, True, True]


def test_the_language_is_switched_and_what_was_asked_stays(fake):
    app = ask(opened())
    app.multiselect(key="arms").set_value(["plain", "augmented", "extractive"]).run()
    app.radio(key="language").set_value("中文").run()
    assert not app.exception
    words = read(app).text
    assert text("tagline", "zh") in words
    assert text("tagline", "en") not in words
    assert "有依据" in card(app, "augmented").text
    assert "无依据" in card(app, "plain").text
    assert app.button[0].label == "提问"
    assert app.button[1].label == EXAMPLES["zh"][0][1]
    assert app.text_input(key="question").value == QUESTION
    assert app.multiselect(key="arms").value == ["plain", "augmented", "extractive"]
    assert [box.label for box in app.selectbox] == ["知识库", "语言模型"]
    assert fake.log == ["ask plain", "ask augmented", "judge plain augmented"]


def test_a_chinese_example_opens_its_pack_and_adds_quotes(fake):
    app = opened()
    app.button(key="example-zh-0").click().run()
    assert not app.exception
    assert app.selectbox(key="kb").value == "commonsense-zh"
    assert fake.log == ["ask plain", "ask augmented", "ask extractive", "judge plain augmented extractive"]
    note = next(Reader(one).text for one in html(app) if "fg-note" in one)
    assert "SmolLM2-135M-Instruct wasn't trained on Chinese" in note
    assert "gemma-3-270m" in note


def test_a_chinese_question_to_the_english_pack_is_pointed_elsewhere(fake):
    app = ask(opened(), "水结冰时体积会膨胀多少？")
    notes = [Reader(one).text for one in html(app) if "fg-note" in one]
    assert len(notes) == 2
    assert "Try commonsense-zh" in notes[0]
    assert "extractive" in notes[1]
    next(button for button in app.button if button.label == "Answer with quotes too").click().run()
    assert fake.log[-4:] == ["ask plain", "ask augmented", "ask extractive", "judge plain augmented extractive"]
    next(button for button in app.button if button.label == "Ask commonsense-zh").click().run()
    assert app.selectbox(key="kb").value == "commonsense-zh"
    assert len([one for one in html(app) if "fg-note" in one]) == 1


def test_a_model_that_knows_chinese_needs_no_note(fake):
    app = opened()
    app.selectbox(key="generator").set_value("gemma-3-270m").run()
    app.button(key="example-zh-0").click().run()
    assert not any("fg-note" in one for one in html(app))


def error_of(app: AppTest) -> str:
    found = [Reader(one).text for one in html(app) if 'role="alert"' in one]
    assert len(found) == 1
    assert not app.exception
    assert not app.error
    return found[0]


def test_an_error_is_one_message_with_its_remedy(fake):
    fake.answers = {"plain": InputError("no <b>model</b> here; fetch it with: firmground weights **x**")}
    app = ask(opened())
    assert error_of(app) == "That didn't workno <b>model</b> here; fetch it with: firmground weights **x**"
    app.run()  # not tried again by itself
    assert fake.log == ["ask plain"]
    fake.answers = {"plain": "1", "augmented": "9 percent"}
    assert "9 percent✓" in card(ask(app), "augmented").text


def test_an_unexpected_error_shows_no_traceback(fake, caplog):
    fake.answers = {"plain": ZeroDivisionError("division by zero")}
    message = error_of(ask(opened()))
    assert "Unexpected: ZeroDivisionError: division by zero. Ask again" in message
    assert "Traceback" not in message
    assert "told on the page in one line" in caplog.text


def test_a_knowledge_base_that_is_not_there_is_told_before_anything_is_asked(fake, monkeypatch):
    def missing(kb):
        raise InputError(f"no knowledge base at {kb}: check the path")

    monkeypatch.setattr(engine, "knowledge_base", missing)
    assert "no knowledge base at commonsense-en: check the path" in error_of(opened())


def test_without_an_arm_nothing_is_asked(fake):
    app = opened()
    app.multiselect(key="arms").set_value([]).run()
    assert text("error_no_arm", "en") in error_of(ask(app))
    assert fake.log == []


def test_what_is_missing_is_named():
    whole = Settings("kb", (PLAIN,), "model")
    cases = {
        "error_empty": Asked("", whole),
        "error_no_arm": Asked("q", replace(whole, arms=())),
        "error_no_kb": Asked("q", replace(whole, kb="")),
        "error_no_generator": Asked("q", replace(whole, generator="")),
    }
    for problem, asked in cases.items():
        for language in ("en", "zh"):
            with pytest.raises(InputError, match=re.escape(text(problem, language))):
                check(asked, language)
    check(Asked("q", whole), "en")
    check(Asked("q", Settings("kb", (EXTRACTIVE,), "")), "en")  # needs no model


def test_an_empty_question_is_named(fake):
    assert text("error_empty", "en") in error_of(ask(opened(), "  "))
    assert fake.log == []


EVIL = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\n\n![i](http://x/y.png) [l](javascript:alert(1)) "
    "$\\frac{1}{2}$ :red[x] **b** </div></style>\"' onmouseover='alert(1)' &lt;"
)


def test_nothing_that_others_wrote_becomes_markup(fake):
    """Question, answer, passage, title, source and document id: shown as they are, in no tag or attribute of theirs."""
    passage = replace(
        PASSAGE, text=EVIL * 2, start=0, end=2 * len(EVIL), document=EVIL, metadata={"title": EVIL, "source": EVIL}
    )
    fake.hit = replace(HIT, passage=passage, ranks={EVIL: 1}, scores={EVIL: 0.5})
    fake.supported = "script"
    fake.answers = {"plain": EVIL, "augmented": EVIL}
    app = ask(opened(), EVIL.replace("\n", " "))
    reader = read(app)
    assert not {"script", "img", "a", "iframe", "style", "svg", "object", "input", "form"} & set(reader.tags)
    assert {name for name, _ in reader.attributes} <= {
        "class", "title", "role", "aria-label", "data-arm", "data-evidence", "tabindex",
    }  # fmt: skip
    assert EVIL.replace("\n", " ") in reader.text  # the question
    assert reader.text.count(EVIL) >= 8  # answers, passages, titles, places
    # And nothing of it reached an element that reads markdown.
    for kind in ("markdown", "caption", "error", "warning", "info", "title", "header", "subheader", "expander"):
        assert not any("alert" in str(element.proto) for element in app.get(kind))
    assert not any("alert" in button.label for button in app.button)


def test_an_evil_error_stays_text(fake):
    fake.answers = {"plain": InputError(EVIL)}
    app = ask(opened())
    assert EVIL in error_of(app)
    assert not {"script", "img"} & set(read(app).tags)
