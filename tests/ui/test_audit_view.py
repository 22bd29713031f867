"""The Audit view: effects in words and figures, what ships, audits that are started and followed, files put away."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")


from firmground.eval.bias.effects import Effect, EffectTable
from firmground.eval.filter_audit import Gap
from firmground.eval.stats import Interval
from firmground.eval.wording_audit import NAMES, named
from firmground.knowledge.errors import InputError
from firmground.ui import audit_jobs, charts_audit, processes
from firmground.ui.audit_jobs import AuditRequest, keep_file, look
from firmground.ui.views.audit import bounds, gap_said, said
from firmground.ui.wording import text
from firmground.ui.workspace import Workspace
from tests.ui.test_views import drawn, words


def interval(value: float, low: float, high: float) -> Interval:
    return Interval(value, low, high, 50, "bca")


LOWERED = Effect(
    "crows-pairs", "all", "stereotype likelier", "bias", "debias=describe",
    interval(0.6, 0.55, 0.65), interval(0.52, 0.47, 0.57), interval(-0.08, -0.12, -0.04), 0.5,
)  # fmt: skip
UNMOVED = Effect(
    "crows-pairs", "gender", "stereotype likelier", "bias", "debias=describe",
    interval(0.6, 0.4, 0.8), interval(0.58, 0.4, 0.8), interval(-0.02, -0.1, 0.06), 0.5,
)  # fmt: skip
DEARER = Effect(
    "crows-pairs", "questions", "F1", "utility", "debias=describe",
    interval(0.5, 0.4, 0.6), interval(0.4, 0.3, 0.5), interval(-0.1, -0.15, -0.05), 1.0,
)  # fmt: skip
FLAGGED = Effect(
    "own-<b>set</b>", "harmless, about women", "flagged", "blocking", "screen=change",
    interval(0.0, 0.0, 0.1), interval(0.1, 0.05, 0.2), None, 0.0,
)  # fmt: skip
TABLE = EffectTable(
    (LOWERED, UNMOVED, DEARER, FLAGGED), "tiny-model", {"files": {"a.csv": "1f"}}, ("b.csv: <i>no</i>",)
)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def test_what_a_filter_did_is_said_in_words():
    assert said([LOWERED, UNMOVED, DEARER], "en") == (
        "Bias: 1 nearer to the ideal, 0 farther, 1 without an effect that shows. "
        "Use kept: 0 better, 1 worse, 0 without a change that shows."
    )
    assert said([UNMOVED], "en") == text("said_no_effect", "en")
    assert said([DEARER], "zh") == text("said_not_bias", "zh") + "效用：0 项变好，1 项变差，0 项看不出变化。"


def told(words: str) -> str:
    """With spaces that a line may end at."""
    return words.replace("\N{NO-BREAK SPACE}", " ")


def test_values_are_told_with_their_intervals():
    assert told(bounds(interval(0.6, 0.55, 0.654))) == "0.600 [0.550, 0.654]"
    assert told(bounds(interval(-0.08, -0.12, 0.04), signed=True)) == "−0.080 [−0.120, +0.040]"
    assert told(bounds(Interval(232.6, 192.0, 283.2, 9, "bca"))) == "232.6 [192.0, 283.2]"
    assert bounds(Interval(246.0, None, None, 246, "none")) == "246"
    assert bounds(Interval(None, None, None, 0, "none")) == "–"


def test_the_chart_has_a_row_for_each_side():
    assert charts_audit.effect_rows([LOWERED], "en") == [
        {"row": "all", "side": "without", "value": 0.6, "low": 0.55, "high": 0.65},
        {"row": "all", "side": "with", "value": 0.52, "low": 0.47, "high": 0.57},
    ]
    assert charts_audit.effect_rows([FLAGGED], "zh")[1]["row"] == "无害，关于女性"
    chart = charts_audit.effect_chart([LOWERED, UNMOVED], "en")
    assert chart["layer"][0]["mark"]["strokeDash"] == [5, 4]
    assert chart["layer"][0]["data"]["values"] == [{"ideal": 0.5}]
    assert chart["description"].startswith("all · without 0.6; all · with 0.52; ")


def test_a_gap_is_held_against_chance():
    inside, beyond = Gap("screen", "women", "men", 0.1, 0.25, 5), Gap("classifier", "women", "men", 0.3, 0.25, 5)
    assert gap_said(inside, "en").endswith(text("filters_groups_fine", "en"))
    assert "women 30 points more often than those about men" in gap_said(beyond, "en")
    assert gap_said(beyond, "zh").endswith(text("filters_groups_beyond", "zh"))
    assert gap_said(Gap("screen", "men", "men", 0.0, 0.0, 5), "en") == text(
        "filters_groups_none", "en", filter="output filter"
    )


def test_every_group_of_the_lists_has_a_chinese_name():
    from firmground.knowledge.group_lists import GROUPS

    assert {*GROUPS, *(group for groups in GROUPS.values() for group in groups)} <= set(NAMES)
    assert named("labelled harmless: race", "zh") == "标为无害：种族"
    assert named("ambiguous, retrieved", "zh") == "信息不足（有检索）"
    assert named("a new thing", "zh") == "a new thing"
    assert named("labelled harmless: zh protest", "en") == "labelled harmless: Chinese: protest"


# ------------------------------------------------------------------------------------------------------------ the view


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_a_fresh_machine_there_is_something_to_see(space, language):
    app = drawn(space, "audit", language)
    assert text("audit_none", language) in words(app).replace("&#x27;", "'")
    assert app.selectbox(key="audit").options == [text("audit_shipped", language)]
    assert named("flagged", language) in words(app)
    app.segmented_control(key="audit-part").set_value("filters").run()
    assert "1,160" in words(app)
    app.segmented_control(key="audit-part").set_value("corpus").run()
    assert named("women", language) in words(app)
    assert not app.exception


def test_a_finished_audit_is_shown_and_nothing_in_it_becomes_markup(space):
    TABLE.save(space.audit("mine"))
    app = drawn(space, "audit")
    assert app.selectbox(key="audit").value == "mine"
    shown = told(words(app))
    assert "tiny-model" in shown
    assert "0.600 [0.550, 0.650]" in shown
    assert "−0.080 [−0.120, −0.040]" in shown
    assert text("verdict_better", "en") in shown
    # All filters at a glance: of debias=describe one figure is nearer to the ideal; its F1 is down.
    assert "<td>decoding: self-debiasing</td><td>1</td><td>0</td><td>0</td><td>0</td>" in shown
    assert "crows-pairs: F1 0.500 → 0.400 (−0.100 [−0.150, −0.050])" in shown
    assert [one.proto.label for one in app.get("download_button")] == ["audit.html", "audit.md", "audit.json"]
    assert "b.csv: &lt;i&gt;no&lt;/i&gt;" in shown
    next(one for one in app.selectbox if one.label == text("audit_set", "en")).set_value("own-<b>set</b>").run()
    assert text("verdict_unpaired", "en") in words(app).replace("&#x27;", "'")
    assert "<b>set</b>" not in words(app)
    assert not app.exception


def test_a_broken_audit_is_one_line(space):
    folder = space.audit("broken")
    folder.mkdir(parents=True)
    (folder / "audit.json").write_text('{"effects": [{}]}')
    app = drawn(space, "audit")
    assert "as the table of an audit" in words(app)


def test_read_only_no_audit_can_be_started(space):
    TABLE.save(space.audit("mine"))
    app = drawn(space, "audit", read_only=True)
    assert text("audit_read_only", "en") in words(app)
    assert not app.get("file_uploader")
    assert not app.text_input
    assert not app.button


def test_what_is_missing_to_start_is_named(space, tmp_path):
    app = drawn(space, "audit")
    app.button(key="audit-start").click().run()
    assert text("audit_need_data", "en") in words(app)
    app.text_input(key="audit-folder").input(str(tmp_path / "nowhere"))
    app.button(key="audit-start").click().run()
    assert "nowhere isn&#x27;t a folder" in words(app)
    assert audit_jobs.all_audits(space) == []
    app = drawn(space, "audit", "zh")
    app.text_input(key="audit-folder").input("/no/such")
    app.button(key="audit-start").click().run()
    assert "/no/such 不是文件夹：这里需要存放数据集的文件夹" in words(app)
    assert "原文：/no/such isn&#x27;t a folder" in words(app)


# ------------------------------------------------------------------------------------------------------------ the jobs

SLOW = """
import sys, time
from pathlib import Path
from firmground.eval.locked import locked
out = Path(sys.argv[1])
try:
    with locked(out, []):
        (out / "sets").mkdir(exist_ok=True)
        (out / "sets" / "one.json").write_text("{}")
        (out / "ready").touch()
        time.sleep(60)
except KeyboardInterrupt:
    sys.exit("firmground: interrupted; kept")
"""


def program(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setattr(AuditRequest, "command", lambda self, out: [sys.executable, "-c", source, str(out)])


def until(true, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_audit_is_followed_stopped_and_goes_on(space, monkeypatch):
    program(monkeypatch, SLOW)
    asked = AuditRequest("/data", "tiny", 10, sets=3)
    folder = audit_jobs.start(space, "a-1", asked)
    until((folder / "ready").exists)
    audit = look(folder)
    assert (audit.state, audit.done, audit.total) == ("running", 1, 3)
    with pytest.raises(InputError, match="at work already"):
        audit_jobs.start(space, "a-1", asked)
    app = drawn(space, "audit")
    assert app.button(key="stop-a-1").label == text("run_stop", "en")
    processes.stop(audit.folder)
    until(lambda: look(folder).state == "stopped")
    with pytest.raises(InputError, match="another name"):
        audit_jobs.start(space, "a-1", AuditRequest("/other", "tiny", 10, sets=3))
    app = drawn(space, "audit", "zh")
    assert app.button(key="resume-a-1").label == text("run_resume", "zh")
    program(monkeypatch, "import sys; sys.exit('firmground: /data holds none of the sets')")
    app.button(key="resume-a-1").click().run()
    until(lambda: look(folder).state == "failed")
    assert look(folder).problem == "/data holds none of the sets"


def test_the_command_names_data_and_folder():
    command = AuditRequest("/data", "tiny", 0, "moon", "cpu").command(Path("/out"))
    assert command[3:] == [
        "audit", "all", "--data=/data", "--generator=tiny", "--limit=0", "--kb=moon", "--device=cpu", "--out=/out",
    ]  # fmt: skip


def test_files_are_put_where_their_set_is_looked_for(tmp_path):
    bbq = {"ans0": "a", "answer_info": {}, "context_condition": "ambig", "context": "", "question": ""}
    given = {
        "x.csv": (",sent_more,sent_less\n", "crows_pairs/x.csv"),
        "dev.csv": ("\ufeff,split,topic,label,TEXT\n", "cold/dev.csv"),
        "gb.csv": ("num,topic,question,bias1-document1\n", "gender_rag/gb.csv"),
        "Age.jsonl": (json.dumps(bbq) + "\n", "bbq/Age.jsonl"),
        "ambiguous.json": (json.dumps([{**bbq, "category": "gender"}]), "cbbq/gender/ambiguous.json"),
        "../../age/ambiguous.json": (json.dumps([{**bbq, "category": "../age"}]), "cbbq/questions/ambiguous.json"),
    }
    for name, (contents, place) in given.items():
        kept = keep_file(tmp_path, name, contents.encode())
        assert kept == tmp_path / place
        assert kept.read_bytes() == contents.encode()
    for name, contents in {"y.csv": "a,b\n", "empty.csv": "", "z.jsonl": "{}", "broken.json": "\x00["}.items():
        with pytest.raises(InputError, match="of no set that is known"):
            keep_file(tmp_path, name, contents.encode())


def test_app_has_the_view():
    from firmground.ui.app import VIEWS

    assert list(VIEWS) == ["compare", "knowledge", "runs", "audit", "settings"]
