"""What audits say: names of what they measure and whom, in both languages, and the Chinese of their report's messages.

In files a name stands in English, as `Effect` has it; here is what a reader sees.
"""

from __future__ import annotations

import re
from typing import Literal

# What audits measure and whom: the English name as files hold it, and its Chinese one.
NAMES: dict[str, str] = {
    "gender": "性别", "race": "种族", "nation": "国籍", "region": "地域", "religion": "宗教", "age": "年龄",
    "orientation": "性取向", "disability": "残障", "class": "阶层", "looks": "外貌",
    "women": "女性", "men": "男性", "non-binary": "跨性别者", "Black": "黑人", "White": "白人", "Asian": "亚裔",
    "Latino": "拉丁裔", "Arab": "阿拉伯人", "Indigenous": "原住民", "Roma": "罗姆人", "minorities in China": "少数民族",
    "Chinese": "中国人", "Japanese": "日本人", "Korean": "韩国人", "Indian": "印度人", "American": "美国人",
    "British": "英国人", "French": "法国人", "German": "德国人", "Italian": "意大利人", "Russian": "俄罗斯人",
    "Irish": "爱尔兰人", "Polish": "波兰人", "Vietnamese": "越南人", "Nigerian": "尼日利亚人", "immigrants": "移民",
    "Henan": "河南人", "the Northeast": "东北人", "Shandong": "山东人", "Sichuan": "四川人", "Guangdong": "广东人",
    "Shanghai": "上海人", "Beijing": "北京人", "Hubei": "湖北人", "Anhui": "安徽人", "Jiangsu and Zhejiang": "江浙人",
    "Taiwan": "台湾人", "Hong Kong": "香港人", "other provinces": "外地人", "Muslims": "穆斯林", "Jews": "犹太人",
    "Christians": "基督徒", "Hindus": "印度教徒", "Buddhists": "佛教徒", "atheists": "无神论者",
    "old people": "老年人", "young people": "年轻人", "middle-aged people": "中年人",
    "gay and lesbian people": "同性恋者", "straight people": "异性恋者", "disabled people": "残障人士",
    "poor people": "穷人", "rich people": "富人", "fat people": "胖人", "short people": "矮个子",
    "positive": "褒义词", "negative": "贬义词", "occupation": "职业",
    "en mention": "英文：只是提到", "en offence": "英文：攻击", "en protest": "英文：反对偏见",
    "en quotation": "英文：引述", "zh mention": "中文：只是提到", "zh offence": "中文：攻击",
    "zh protest": "中文：反对偏见", "zh quotation": "中文：引述",
    "own-sentences-en": "自带句子（英文）", "own-sentences-zh": "自带句子（中文）",
    "labelled offensive": "标为冒犯", "labelled harmless": "标为无害",
    "against bias (read by hand)": "反对偏见（人工判读）",
    "harmless": "无害", "passes": "放过的比例", "flagged": "标出的比例",
    "crows-pairs": "CrowS-Pairs（英文句对）", "genderbias": "GenderBias-QA（检索）",
    "swap=gender": "语料：交换性别", "balanced=gender": "语料：性别均衡", "fair=project": "检索：投影去偏",
    "fair=rerank": "检索：公平重排", "debias=instruct": "提示：中立指令", "debias=exchange": "解码：互换角色",
    "debias=describe": "解码：按描述去偏", "screen=change": "输出过滤器",
    "stereotype likelier": "更倾向刻板说法的比例", "stereotype's lead, nats": "刻板说法的领先（纳特）",
    "lead of either, nats": "任一说法的领先（纳特）", "nats per token": "每词元纳特数", "accuracy": "准确率",
    "decided by the group": "由群体决定的回答", "bias score": "偏见得分",
    "ambiguous": "信息不足", "disambiguated": "信息充分",
    "E_b, own four": "检索偏向 E_b（自有四篇）", "F1": "F1", "hybrid": "语义加词语", "dense": "语义", "lexical": "词语",
    "all": "全部", "questions": "问题", "documents": "文档数", "mentions": "提到次数",
    "seconds a question": "每题秒数", "answers changed": "被改动的回答",
    "women among women and men named": "提到的男女中女性所占比例",
    "answers that change": "换群体后改变的回答", "cosine of the answers": "回答的余弦相似度",
    "ROUGE-L of the answers": "回答的 ROUGE-L", "sentiment gap": "情感差距",
    "another group": "换成另一群体", "another group, less the control": "换成另一群体，减去对照",
    "exposure gap@10": "曝光差距@10", "screen=change, before: word list alone": "输出过滤器（与词表相比）",
    "classifier alone": "仅分类器", "word list alone": "仅词表",
    "nationality": "国籍", "physical-appearance": "外貌", "race-color": "种族与肤色", "sexual-orientation": "性取向",
    "socioeconomic": "社会经济地位", "answered": "作答的比例",
    "bbq-age": "BBQ：年龄", "bbq-religion": "BBQ：宗教", "cbbq-gender": "CBBQ：性别", "cold-dev": "COLD（dev）",
    "counterfactual-en": "换群体提问（英文）", "counterfactual-zh": "换群体提问（中文）",
    "commonsense-en": "常识问题（英文）", "commonsense-zh": "常识问题（中文）", "xquad-en": "XQuAD 问题（英文）",
    "commonsense-en-corpus": "常识文档（英文）", "commonsense-zh-corpus": "常识文档（中文）",
    "xquad-en-corpus": "XQuAD 文档（英文）",
}  # fmt: skip
# In English, of names that don't speak for themselves.
ENGLISH = {
    "en mention": "English: plain mentions", "en offence": "English: attacks", "en protest": "English: protest",
    "en quotation": "English: quotations", "zh mention": "Chinese: plain mentions", "zh offence": "Chinese: attacks",
    "zh protest": "Chinese: protest", "zh quotation": "Chinese: quotations",
    "crows-pairs": "CrowS-Pairs", "genderbias": "GenderBias-QA",
    "swap=gender": "corpus: gender exchanged", "balanced=gender": "corpus: as many of each gender",
    "fair=project": "retrieval: gender projected out", "fair=rerank": "retrieval: fair reranking",
    "debias=instruct": "prompt: neutral instruction", "debias=exchange": "decoding: parts exchanged",
    "debias=describe": "decoding: self-debiasing", "screen=change": "output filter",
    "screen=change, before: word list alone": "output filter, against the word list",
    "Black": "Black people", "White": "White people", "Asian": "Asian people", "Latino": "Latino people",
    "Arab": "Arab people", "Indigenous": "Indigenous people", "Roma": "Roma people", "Chinese": "Chinese people",
    "Japanese": "Japanese people", "Korean": "Korean people", "Indian": "Indian people", "American": "American people",
    "British": "British people", "French": "French people", "German": "German people", "Italian": "Italian people",
    "Russian": "Russian people", "Irish": "Irish people", "Polish": "Polish people",
    "Vietnamese": "Vietnamese people", "Nigerian": "Nigerian people", "Henan": "people from Henan",
    "the Northeast": "people from the Northeast", "Shandong": "people from Shandong",
    "Sichuan": "people from Sichuan", "Guangdong": "people from Guangdong", "Shanghai": "people from Shanghai",
    "Beijing": "people from Beijing", "Hubei": "people from Hubei", "Anhui": "people from Anhui",
    "Jiangsu and Zhejiang": "people from Jiangsu and Zhejiang", "Taiwan": "people from Taiwan",
    "Hong Kong": "people from Hong Kong", "other provinces": "people from other provinces",
    "own-sentences-en": "sentences of our own, English", "own-sentences-zh": "sentences of our own, Chinese",
}  # fmt: skip

RETRIEVED = ", retrieved"  # ends the rows of questions that were asked with what was found

_SENTIMENT = re.compile(r"sentiment, (.+) less (.+)")


def named(name: str, language: Literal["en", "zh"]) -> str:
    """What an audit calls something, in a language; as it stands where no name is known. "A, about B" and "A: B" are
    named part by part."""
    table = ENGLISH if language == "en" else NAMES
    if name in table:
        return table[name]
    if language == "zh" and name.endswith(RETRIEVED):
        return f"{named(name.removesuffix(RETRIEVED), language)}（有检索）"
    if language == "zh" and (sentiment := _SENTIMENT.fullmatch(name)):
        return "情感：{}减{}".format(*(named(group, language) for group in sentiment.groups()))
    for between, shown in ((", about ", "，关于"), (": ", "："), (" · ", " · ")):
        first, found, second = name.partition(between)
        if found and language == "zh":
            return f"{named(first, language)}{shown}{named(second, language)}"
        if found and second in ENGLISH:
            return f"{first}{between}{ENGLISH[second]}"
    return name


# What Chinese says for the messages of the report (`report/audit.py`, `report/audit.html`).
AUDIT_ZH = {
    "What the debiasing filters do": "去偏过滤器的效果",
    "audit": "偏见审计",
    "Before → after, on the same rows, with 95% intervals. ": "同样的数据，使用前 → 使用后，附 95% 区间。",
    "Each filter is switched alone, on the same rows before and after. Below: its bias and what it takes without "
    "reason, then what it costs in use and time. 95% intervals; a change is the difference on the same rows. With so "
    "many figures, one interval in twenty misses 0 by chance.":
        "每种过滤器单独开启，使用前后是同样的数据。下面先列偏见和无故标出的内容，再列效用和时间上的代价。区间均为 95%；"
        "变化是同样数据上的差。数字这么多，二十个区间里约有一个会偶然不含 0。",
    "before (dashed, hollow)": "使用前（虚线、空心）",
    "after (solid)": "使用后（实线）",
    "the ideal (dotted)": "理想值（点线）",
    "All filters": "全部过滤器",
    "Bias figures of whole sets by what became of them; beside them the largest losses that an interval shows; what "
    "isn't named wasn't measured.":
        "整个数据集的偏见指标按结果计数；旁边是区间能看出的最大损失；没有列出的没有测量。",
    "Filter": "过滤器",
    "where": "环节",
    "Largest losses": "最大损失",
    "bias: nearer": "偏见：更接近",
    "no effect": "无效果",
    "further": "更偏离",
    "not paired": "未配对",
    "use": "效用",
    "flagged without reason": "无故标出",
    "cost": "代价",
    "bias": "偏见",
    "of use": "效用",
    "Bias, and what is flagged without reason": "偏见，以及无故标出的内容",
    "What it costs": "代价",
    "Every figure": "全部数字",
    ", with {count} by group or kind": "，含按群体或类别的 {count} 项",
    "{rows}: before {before}, after {after}": "{rows}：使用前 {before}，使用后 {after}",
    "ideal {ideal}": "理想值 {ideal}",
    "Set": "数据集",
    "Rows": "范围",
    "Measure": "指标",
    "Ideal": "理想值",
    "Before": "使用前",
    "After": "使用后",
    "Change": "变化",
    "What it was made with": "制作条件",
    "data": "数据",
    "files": "文件",
    "limit": "每个数据集最多取的行数",
    "filters": "过滤器",
    "languages": "语言",
    "What each figure means, and where it comes from: docs/debias.md. Seconds were timed beside whatever else the "
    "machine did.": "各项数字的含义和出处见 docs/debias.md。耗时是在机器同时做其他事情时测的。",
    "Made by firmground from audit.json.": "由 firmground 根据 audit.json 生成。",
    "nearer to the ideal": "更接近理想值",
    "further from the ideal": "更偏离理想值",
    "no effect shown: the interval of the change holds 0": "看不出效果：变化的区间包含 0",
    "the change can't be paired: before and after stand on different rows": "无法配对：使用前后的数据不同",
    "counted, without an interval": "计数，没有区间",
    "none": "无",
    "none shown": "未看出",
    "{stage}: {meaning}.": "{stage}：{meaning}。",
    "{where}: {measure} {sides} ({change})": "{where}：{measure} {sides}（{change}）",
    "No effect shown on {unmoved} of {figures} of whole sets: the interval of the change holds 0.":
        "整个数据集的 {figures}中，有 {unmoved} 项看不出效果：变化的区间包含 0。",
    "{figures} can't be paired: before and after stand on different rows.": "{figures}无法配对：使用前后的数据不同。",
    "What is of use ({measures}) shows no change.": "效用（{measures}）看不出变化。",
    "corpus": "语料",
    "retrieval": "检索",
    "prompt": "提示词",
    "decoding": "解码",
    "output": "输出",
    "for comparison": "作为对照",
    "every document stands beside its counterfactual, with gender exchanged throughout":
        "每篇文档旁边都有一篇性别全部互换的文档",
    "as many documents about women as about men": "关于女性和关于男性的文档一样多",
    "the direction of gender is projected out of the vectors": "从向量中去掉性别方向",
    "what was found is put in an order that shows the groups alike": "重排检索结果，使各群体同样靠前",
    "the prompt asks not to rely on stereotypes": "提示词要求不依赖刻板印象",
    "what the text says with its groups exchanged counts as much as what it says; where it finds the groups, “decided "
    "by the group” is 0 by construction":
        "文本互换群体后所说的，与原来所说的同样算数；凡是找得到群体的地方，“由群体决定的回答”按定义就是 0",
    "self-debiasing: words that a description of discrimination favours become rarer":
        "自我去偏：在描述歧视的语境下更可能出现的词变得更少",
    "demeaning sentences are withheld, needless gendering is said neutrally, with a note":
        "不给出贬低人的句子，不必要的性别说法改为中性，并加以说明",
    "the offence classifier, without the output filter's further conditions": "冒犯分类器，不含输出过滤器的其他条件",
    "texts with a word of the list are flagged": "含有词表中词语的文本都会被标出",
    "the output filter in the place of the word list": "用输出过滤器代替词表",
}  # fmt: skip

# Notes of what was left out: (how the English line goes, its Chinese).
_NOTES = (
    (r"(?P<what>.+?): not there, left out", "{what}：没有，略去"),
    (r"(?P<what>.+?): not there, so no word list stands beside the output filter", "{what}：没有，因此没有词表作对照"),
    (r"(?P<what>.+?): no cosine, (?P<model>.+) isn't on this machine", "{what}：没有余弦相似度，本机没有 {model}"),
    (r"(?P<what>.+?): left out: (?P<why>.+)", "{what}：略去，原因：{why}"),
)


def noted(note: str, language: Literal["en", "zh"]) -> str:
    """What was left out of an audit and why, in a language; a reason that the engine gives stays as it is."""
    if language == "zh":
        for pattern, words in _NOTES:
            if found := re.fullmatch(pattern, note):
                return words.format(**found.groupdict())
    return note
