"""The scores of an answer against hand-computed values, in both languages."""

from __future__ import annotations

import json

import pytest

from firmground.eval.metrics.answers import (
    exact_match,
    is_right,
    match,
    score_answer,
    token_f1,
    unsupported_share,
)
from firmground.eval.metrics.normalise import cmrc_tokens, language_of, squad_text, treebank_tokens, word_tokens
from firmground.eval.types import Example
from firmground.rag.arms import PLAIN
from firmground.rag.types import Answer, Claim

TEXTS = {
    "en": ["Andrew Jackson", "the", "24-yard line", "$3.5 million"],
    "zh": ["安德鲁·杰克逊", "1998年", "。", "NFL联盟"],
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_text_equals_itself_and_nothing_equals_another_subject(language):
    for text in TEXTS[language]:
        assert exact_match(text, [text], language) == token_f1(text, [text], language) == 1.0
    for one in TEXTS[language]:
        for other in TEXTS[language]:
            assert token_f1(one, [other], language) == token_f1(other, [one], language)
    assert token_f1("zebra" if language == "en" else "斑马", TEXTS[language][:1], language) == 0.0


def test_squad_normalisation():
    assert squad_text("The  Cat, a hat; an «owl».") == "cat hat «owl»"  # only ASCII punctuation, as the official script
    assert exact_match("the Eiffel Tower!", ["eiffel tower"]) == 1.0
    assert exact_match("Paris", ["London", "paris."]) == 1.0
    assert exact_match("in Paris", ["Paris"]) == 0.0


def test_english_f1_by_hand():
    # {cat, sat, on, mat} and {cat, on, big, mat}: 3 shared, p = r = 3/4
    assert token_f1("The cat sat on the mat", ["a cat on a big mat"]) == pytest.approx(0.75)
    assert token_f1("it was Andrew Jackson", ["Andrew Jackson"]) == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert token_f1("Paris Paris", ["Paris"]) == pytest.approx(2 / 3)  # a bag: the second "Paris" is one too many
    assert token_f1("Paris", ["London", "Paris France"]) == pytest.approx(2 / 3)  # the best gold answer counts


def test_chinese_f1_is_the_longest_common_run():
    # 安德鲁杰克逊 (6) against 杰克逊总统 (5): the run 杰克逊 is 3 long: p = 3/5, r = 3/6
    assert token_f1("杰克逊总统", ["安德鲁·杰克逊"], "zh") == pytest.approx(6 / 11)
    # 北京和上海 against 上海和北京: the bag has 5 in common, the longest run is 2
    assert token_f1("北京和上海", ["上海和北京"], "zh") == pytest.approx(4 / 10)
    assert exact_match("《红楼梦》。", ["红楼梦"], "zh") == 1.0
    assert exact_match("红楼梦.", ["红楼梦"], "zh") == 0.0  # the official script leaves ASCII full stops


def test_cmrc_tokens_mix_characters_and_treebank_words():
    assert cmrc_tokens("在2015年，Nexon's $3.5 million开发。") == [
        *("在", "2015", "年", "nexon", "'s", "$", "3.5", "million", "开", "发")
    ]
    assert treebank_tokens('He can\'t say "no", ok?') == ["He", "ca", "n't", "say", "``", "no", "''", ",", "ok", "?"]
    assert treebank_tokens("3,000 (or 5%) by 1922–26.") == [
        *("3,000", "(", "or", "5", "%", ")", "by", "1922", "–", "26", ".")
    ]


def test_match_is_of_whole_words_and_of_characters():
    assert match("The answer is Andrew Jackson, I think.", ["Andrew Jackson"]) == 1.0
    assert match("a party", ["art"]) == 0.0
    assert match("Paris/London", ["London"]) == 1.0  # punctuation read as a space
    assert match("the US", ["U.S."]) == 1.0  # punctuation removed
    assert match("in 2015", ["15"]) == 0.0
    assert match("anything", ["the"]) == 0.0  # nothing is left of this gold answer
    assert match("他叫安德鲁·杰克逊。", ["杰克逊"], "zh") == 1.0
    assert match("在2015年", ["15年"], "zh") == 0.0
    assert match("大约９％左右", ["9%"], "zh") == 1.0  # full-width forms
    assert match("大约9米", ["9%"], "zh") == 0.0
    assert match("克逊杰", ["杰克逊"], "zh") == 0.0


def test_language_follows_the_script():
    assert language_of("杰克逊维尔是以哪位历史人物的名字命名的?") == "zh"
    assert language_of("What does 你好 mean?") == "en"
    assert language_of("iPhone 15 Pro 的价格是多少") == "zh"
    assert language_of("1998") == language_of("") == "en"
    assert word_tokens("The NFL的24 码线") == ["nfl", "的", "24", "码", "线"]


def scored(example: Example, text: str, arm=PLAIN, **fields):
    return score_answer(example, Answer(example.question, text, arm.name, **fields), arm)


GOLD = Example("1", "Who?", ("Andrew Jackson",))


def test_right_begins_at_f1_of_one_half():
    assert scored(GOLD, "a Jackson")["right"] == 1.0  # p = 1, r = 1/2: 0.67
    half = Example("1", "Who?", ("red hat",))
    assert scored(half, "red shoe")["f1"] == 0.5
    assert scored(half, "red shoe")["right"] == 1.0
    assert scored(half, "red shoe now")["right"] == 0.0  # 0.4
    assert scored(half, "red shoe now")["hallucination"] == 1.0


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("24 minutes", "27 minutes", False),  # F1 0.5 each: the number decides
        ("24 minutes", "24 hours", True),
        ("24 minutes", "minutes", False),
        ("twenty-four minutes long", "24 minutes long", True),
        ("24 minutes", "24 or 27 minutes", True),  # the rule asks that the right number stands there, no more
        ("3.5 million dollars", "3.5 billion dollars", False),
        ("World War One", "World War Two", False),
        ("second place", "first place", False),
        ("1,000 people", "1000 people", True),
        ("one of the largest cities", "the largest cities", True),
        ("minutes of play", "27 minutes of play", True),  # a gold answer without a number asks for none
        ("24分钟左右", "27分钟左右", False),
        ("大约二十四分钟", "大约24分钟", False),  # F1 1/3 by CMRC's run: a number's spelling can't help
        ("二十四分钟左右", "大约24分钟左右", True),
        ("第三届全国大会", "第二届全国大会", False),
        ("三星电子公司", "电子公司", True),  # 三 of a name is no number
        ("百分之五十的人口", "百分之六十的人口", False),
        ("1998年5月", "1998年6月", False),
    ],
)
def test_the_numbers_of_the_gold_answer_must_stand_in_the_answer(gold, answer, right):
    language = language_of(gold)
    if not right and gold != "大约二十四分钟" and answer != "minutes":
        assert token_f1(answer, [gold], language) >= 0.5  # else F1 alone would have told
    assert is_right(answer, [gold], language) == right
    assert is_right(gold, [gold], language)
    question = "多久？" if language == "zh" else "How long?"
    scores = scored(Example("1", question, (gold,)), answer)
    assert (scores["right"], scores["hallucination"]) == (float(right), float(not right))


def test_any_gold_answer_may_make_it_right():
    assert is_right("27 minutes", ["24 minutes", "27 minutes or so"])
    assert not is_right("27 minutes", ["24 minutes", "27 hours or so"])
    assert exact_match("A", ["A", "B"]) == token_f1("A", ["A", "B"]) == 0.0  # as SQuAD's script: nothing is left of "A"
    assert exact_match("A", ["A"]) == 1.0


def test_an_abstention_earns_nothing_and_is_no_hallucination():
    for scores in (scored(GOLD, "I don't know.", abstained=True), scored(GOLD, " \n")):
        assert [scores[name] for name in ("em", "f1", "match", "right", "hallucination")] == [0.0] * 5
        assert (scores["abstained"], scores["coverage"], scores["unsupported"]) == (1.0, 0.0, "abstained")


def test_unanswerable_questions():
    nothing = Example("1", "Who?", ("kept but not used",), answerable=False)
    answered, declined = scored(nothing, "kept but not used"), scored(nothing, "no idea", abstained=True)
    assert [answered[name] for name in ("right", "hallucination", "abstained", "declined_rightly")] == [0, 1, 0, 0]
    assert [declined[name] for name in ("right", "hallucination", "abstained", "declined_rightly")] == [0, 0, 1, 1]
    assert answered["f1"] == answered["em"] == answered["match"] == "unanswerable"
    assert scored(GOLD, "x")["declined_rightly"] == "answerable"


def test_without_gold_only_support_is_told():
    claims = (Claim("a", 0, 1, "supported"), Claim("b", 1, 2, "contradicted"), Claim("c", 2, 3, "unsupported"))
    scores = scored(Example("1", "Why?"), "abc", claims=claims)
    names = ("right", "hallucination", "abstained", "em", "f1", "match")
    assert {scores[name] for name in names} == {"no_gold"}
    assert scores["unsupported"] == pytest.approx(2 / 3)
    assert scores["coverage"] == 1.0
    assert unsupported_share(()) == "no_claims"
    assert unsupported_share((Claim("a", 0, 1),)) == "unverifiable"
    assert unsupported_share((Claim("a", 0, 1), Claim("b", 1, 2, "supported"))) == 0.0


@pytest.mark.parametrize("name", ["xquad-en", "xquad-zh"])
def test_real_gold_answers_are_right_against_themselves(shared, name):
    lines = (shared / "qa" / name / "questions.jsonl").read_text("utf-8").splitlines()
    for row in map(json.loads, lines):
        example = Example(row["id"], row["question"], tuple(row["answers"]))
        scores = scored(example, row["answers"][0])
        assert scores["em"] == scores["f1"] == scores["right"] == 1.0, row
