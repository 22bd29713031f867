"""Words that can't both be true of one thing, in English and Chinese: read for contradiction, swapped to make some."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from firmground.rag.words import stem

# Each line of words apart by "/" excludes the other side: any of the left against any of the right.
_EN = """
increase rise grow climb gain expand / decrease fall decline drop shrink lose reduce
more / less fewer
most / least fewest
best / worst
better / worse
first / last
early earlier / late later
before / after
largest biggest greatest / smallest
larger bigger greater / smaller
large big huge / small little tiny
high higher highest tall / low lower lowest short
long longer longest / short shorter shortest
old older oldest / young younger youngest new newer
win won victory defeated / lose lost defeat
north northern / south southern
east eastern / west western
male man men boy father son husband brother king actor he his /\
 female woman women girl mother daughter wife sister queen actress she her
alive living / dead died extinct
born birth / died death
buy bought purchase / sell sold
open opened start started begin began / close closed end ended finish finished
above / below beneath
over / under
inside / outside
top upper / bottom lower
support supported favor approve approved accept accepted /\
 oppose opposed reject rejected deny denied against refuse refused
allow allowed permit legal / forbid forbidden ban banned prohibit prohibited illegal prevent
success successful succeed succeeded / failure failed unsuccessful fail
possible able capable / impossible unable incapable
always / never
all every / none no
many / few
public / private
true real / false fake fictional
present / absent
major majority / minor minority
positive / negative
hot warm / cold cool
fast quick / slow
rich wealthy / poor
strong / weak
easy / difficult hard
common / rare
include included including / exclude excluded excluding except
domestic national local / foreign international global
import / export
attack / defend defense
war / peace
love / hate
single unmarried / married
married / divorced unmarried
ancient / modern
urban / rural
winter / summer
morning / evening night
week / month
hour / minute
km kilometre kilometer / mile
metre meter / foot feet
dollar / euro pound yuan
celsius / fahrenheit
safe / unsafe
day / night
sunrise / sunset
solid / liquid gas
arrive arrived enter entered / leave depart departed exit
ally / enemy
employer / employee
teacher / student
parent / child
author writer / reader
heavy / light
wet / dry
animal / plant
land / sea ocean
book novel / film movie
song single / film movie book
singer musician / actor actress
american / british french german canadian australian italian japanese chinese russian spanish
drama / comedy
"""
_ZH = """
增加 上升 增长 提高 扩大 / 减少 下降 降低 缩小 下跌
多于 / 少于
最多 / 最少
最好 / 最差 最坏
最大 / 最小
最高 / 最低
最长 / 最短
最早 / 最晚 最后
较大 更大 / 较小 更小
较高 更高 / 较低 更低
之前 以前 / 之后 以后
早上 早晨 上午 / 晚上 傍晚 下午
公里 / 英里
小时 / 分钟
美元 / 欧元 英镑 日元
第一 首次 / 最后 末次
大型 / 小型
北部 北方 北边 / 南部 南方 南边
东部 东方 东边 / 西部 西方 西边
东北 / 西南
东南 / 西北
男性 男子 男人 父亲 儿子 丈夫 / 女性 女子 女人 母亲 女儿 妻子
出生 / 去世 逝世 死亡
买入 购买 / 卖出 出售
开始 开放 开幕 / 结束 关闭 闭幕
胜利 获胜 赢得 击败 / 失败 落败 输给 败给
支持 赞成 同意 接受 / 反对 拒绝 否认
允许 合法 / 禁止 非法
成功 / 失败
可能 能够 / 不可能 无法
总是 / 从不
公开 公立 / 私人 私立
真实 / 虚构
主要 / 次要
积极 / 消极
国内 / 国外 国际
进口 / 出口
进攻 / 防守
战争 / 和平
古代 / 现代
城市 / 乡村 农村
夏季 夏天 / 冬季 冬天
白天 / 夜晚 晚上
固体 / 液体 气体
离开 / 到达 抵达
朋友 盟友 / 敌人
老师 教师 / 学生
容易 / 困难
常见 / 罕见
包括 / 除了 不包括
上游 / 下游
内部 / 外部
左侧 / 右侧
美国 / 英国 法国 德国 日本 中国 俄罗斯
"""

_SMALL = {
    "en": ("before", "after", "over", "under"),
    "zh": ("之前", "之后", "以前", "以后", "早上", "早晨", "上午", "下午", "晚上", "傍晚"),
}


def _pairs(lines: str) -> list[tuple[list[str], list[str]]]:
    sides = (line.split("/") for line in lines.strip().splitlines())
    return [(left.split(), right.split()) for left, right in sides]


@lru_cache(maxsize=2)
def opposites(language: str) -> Mapping[str, frozenset[str]]:
    """Each word (English: as written) with those that exclude it. Both directions."""
    found: dict[str, set[str]] = {}
    for left, right in _pairs(_ZH if language == "zh" else _EN):
        for word in left:
            found.setdefault(word, set()).update(right)
        for word in right:
            found.setdefault(word, set()).update(left)
    return {word: frozenset(others) for word, others in found.items()}


@lru_cache(maxsize=2)
def small_opposites(language: str) -> Mapping[str, frozenset[str]]:
    """The same of words that are no content, but turn what is said: before, after; 早上, 晚上."""
    return {word: others for word, others in opposites(language).items() if word in _SMALL[language]}


@lru_cache(maxsize=2)
def opposite_terms(language: str) -> Mapping[str, frozenset[str]]:
    """The same for content terms: English stems; Chinese words of two letters are their own bigram."""
    if language == "zh":
        return {word: others for word, others in opposites("zh").items() if len(word) == 2}
    found: dict[str, set[str]] = {}
    for word, others in opposites("en").items():
        found.setdefault(stem(word), set()).update(stem(other) for other in others)
    return {word: frozenset(others - {word}) for word, others in found.items()}
