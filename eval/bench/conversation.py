"""Follow-up questions: is the passage that answers them found, as asked and as `rag/conversation.py` understands them?

    python -m firmground.eval.bench.conversation

Sixty follow-ups written by hand over the bundled packs: a question, the one that follows it, and the passage that
answers it. recall@k: the share for which that passage is among the first k. The control asks the packs' own questions,
which stand alone, each after the question before it in the file: there, whatever is added can only harm. The rules were
written first, and changed once after an earlier, easier set of follow-ups; these were measured afterwards. Chinese is
searched with the Chinese encoder where its weights are here.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from firmground.eval.stats.intervals import Interval, mean_interval, paired_interval
from firmground.eval.tasks import load_questions
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.encode import open_base
from firmground.knowledge.packs import base_folder
from firmground.rag.conversation import Turn, standalone

K = 4  # and 1

# (the passage that answers, the first question, the one that follows it)
ENGLISH = (
    ("physical-001", "Why does ice float?", "And how much of it stays below?"),
    ("physical-008", "How does sweat cool the skin?", "Does wind help?"),
    ("physical-015", "What does the Mohs scale rank?", "Which is the softest?"),
    ("physical-022", "What burns in a candle flame?", "And the white smoke afterwards?"),
    ("physical-029", "Why do standing passengers lurch forward when a bus brakes?", "What is that called?"),
    ("spatial-006", "Why is AMBULANCE painted back to front?", "Which ones look unchanged?"),
    ("spatial-013", "Which way does an ordinary screw tighten?", "And a bicycle's left pedal?"),
    ("spatial-020", "How do I make a Möbius strip?", "And if I cut it along the middle?"),
    ("spatial-027", "What does a car's mirror not show?", "And a lorry's?"),
    ("temporal-004", "How long is it from one full moon to the next?", "When does it rise?"),
    ("temporal-011", "How long does a hen sit on her eggs?", "What about ducks?"),
    ("temporal-018", "What is the half-life of caffeine?", "How much of it is left after ten hours?"),
    ("temporal-025", "How many seconds does a day have?", "And a leap year?"),
    ("numbers-001", "What do discounts of 20 and 10 percent come to?", "Does their order matter?"),
    ("numbers-008", "How many grams is a jin?", "And in the old system?"),
    ("numbers-015", "What is the rule of 72 for?", "How long does that take at 6 percent?"),
    ("numbers-022", "Which number is the Roman numeral L?", "Do they have a zero?"),
    ("numbers-029", "How large is a hectare?", "How many of them make a square kilometre?"),
    ("biological-001", "How many bones does an adult have?", "Which is the longest?"),
    ("biological-008", "What does a honeybee's waggle dance tell?", "Who decoded it?"),
    ("biological-015", "Why do potatoes turn green?", "How should I store them?"),
    ("biological-022", "Why does a tree die when a ring of bark is stripped?", "What about a hollow one?"),
    ("biological-029", "Where is the thyroid gland?", "What if it gets too little?"),
    ("social-006", "What sets the length of a notice period?", "What is that time for?"),
    ("social-013", "What does a flag at half-mast mean?", "How is it taken down?"),
    ("social-027", "Why are chopsticks not left standing in rice?", "So where do I put them?"),
    ("safety-004", "What should I do when oil in a pan catches fire?", "Why not water?"),
    ("safety-011", "What is the maximum load of a power strip?", "May I plug it into another one?"),
    ("misconceptions-009", "Does cracking the knuckles cause arthritis?", "Who tried that for decades?"),
    ("misconceptions-023", "Do lemmings kill themselves in groups?", "Which film spread that?"),
)
CHINESE = (
    ("physical-001", "冰为什么会浮在水上？", "它有多少在下面？"),
    ("physical-008", "出汗为什么能降温？", "那有风的时候呢？"),
    ("physical-015", "莫氏硬度是怎么排的？", "其中最软的是什么？"),
    ("physical-022", "蜡烛火焰里烧的是什么？", "那白烟呢？"),
    ("physical-029", "公交车急刹车时乘客为什么往前冲？", "这叫什么？"),
    ("spatial-006", "救护车车头的字为什么反着写？", "哪些看上去不变？"),
    ("spatial-013", "普通螺丝往哪边拧紧？", "那自行车的左脚踏呢？"),
    ("spatial-020", "莫比乌斯带怎么做？", "剪开它会怎样？"),
    ("spatial-027", "汽车后视镜照不到哪里？", "大货车呢？"),
    ("temporal-004", "两次满月之间相隔多少天？", "它什么时候升起？"),
    ("temporal-011", "母鸡孵蛋要多少天？", "那鸭蛋呢？"),
    ("temporal-018", "咖啡因的半衰期是多久？", "十小时后呢？"),
    ("temporal-025", "一天有多少秒？", "那闰年呢？"),
    ("numbers-001", "先打八折再打九折一共便宜多少？", "顺序换一下有影响吗？"),
    ("numbers-008", "一斤是多少克？", "旧制呢？"),
    ("numbers-015", "72法则是用来估算什么的？", "那6%要多久？"),
    ("numbers-022", "罗马数字里L是多少？", "它们有零吗？"),
    ("numbers-029", "一公顷有多大？", "多少个才等于一平方公里？"),
    ("biological-001", "成年人有多少块骨头？", "最长的是哪一块？"),
    ("biological-008", "蜜蜂的摇摆舞表示什么？", "是谁破译它的？"),
    ("biological-015", "土豆为什么会变绿？", "应该怎么存放？"),
    ("biological-022", "把树皮剥掉一整圈，树为什么会死？", "那树干空心呢？"),
    ("biological-029", "甲状腺在什么地方？", "缺了会怎么样？"),
    ("social-006", "辞职要提前多久通知单位？", "这段时间该做什么？"),
    ("social-013", "降半旗表示什么？", "收的时候呢？"),
    ("social-027", "为什么不能把筷子竖着插在米饭里？", "那该搁在哪儿？"),
    ("safety-004", "油锅起火了怎么办？", "泼水不行吗？"),
    ("safety-011", "插线板最多能带多大功率？", "可以把它接在另一个上面吗？"),
    ("misconceptions-009", "掰手指会引起关节炎吗？", "谁试过？"),
    ("misconceptions-023", "旅鼠会集体自杀吗？", "是哪部影片传播了这个说法？"),
)
PACKS = {"commonsense-en": ENGLISH, "commonsense-zh": CHINESE}


@dataclass(frozen=True)
class FollowUp:
    gold: str
    first: str
    question: str

    @property
    def understood(self) -> str:
        return standalone(self.question, [Turn(self.first, self.first)])


def found(base: KnowledgeBase, questions: Sequence[str], golds: Sequence[str], k: int = K) -> np.ndarray:
    """(n,) 1.0 where the gold passage is among the first `k` hits."""
    return np.array([
        float(any(hit.passage.document == gold for hit in hits))
        for gold, hits in zip(golds, base.search(list(questions), k=k), strict=True)
    ])  # fmt: skip


def controls(pack: str) -> list[FollowUp]:
    """The pack's own questions, each after the one before it."""
    examples = [example for example in load_questions(pack) if example.gold]
    return [FollowUp(example.gold[0], before.question, example.question) for before, example in pairwise(examples)]


def line(name: str, base: KnowledgeBase, asked: Sequence[FollowUp]) -> str:
    golds = [one.gold for one in asked]
    changed = sum(one.understood != one.question for one in asked)
    cells = []
    for k in (1, K):
        before = found(base, [one.question for one in asked], golds, k)
        after = found(base, [one.understood for one in asked], golds, k)
        told = [
            _percent(mean_interval(before)),
            _percent(mean_interval(after)),
            _percent(paired_interval(before, after)),
        ]
        cells.append(f"recall@{k} {told[0]} -> {told[1]} ({told[2]})")
    return f"{name:24} n {len(asked):3}, rewritten {changed:3}: " + "; ".join(cells)


def _percent(figure: Interval) -> str:
    return f"{100 * (figure.value or 0):.1f} [{100 * (figure.low or 0):.1f}, {100 * (figure.high or 0):.1f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--show", action="store_true", help="print every follow-up as it is understood")
    options = parser.parse_args(arguments)
    print("as asked -> as understood (paired difference); 95% intervals")
    for pack, rows in PACKS.items():
        asked = [FollowUp(*row) for row in rows]
        with open_base(base_folder(pack)) as base:
            print(line(pack, base, asked))
            print(line(f"{pack}, control", base, controls(pack)))
            if options.show:
                for one in asked:
                    print(f"  {found(base, [one.understood], [one.gold])[0]:.0f}  {one.understood}")


if __name__ == "__main__":
    main()
