"""What Chinese says for the messages of `wording` and of the templates in `report/`, and its counters.

Names stay as they are typed: those of arms, models, files and settings.
"""

from __future__ import annotations

from firmground.eval.wording_audit import AUDIT_ZH
from firmground.eval.wording_zh_metrics import MITIGATIONS_ZH

# Counters: "12 个问题".
COUNTED = {
    "question": "个问题",
    "answer": "个回答",
    "arm": "种回答方式",
    "passage": "段资料",
    "comparison": "项比较",
    "broken line": "行读不了的内容",
    "bias figure": "项偏见指标",
}

_FLIPS = {
    "Broken by {second}": "被 {second} 改错",
    "Newly hallucinated": "新出现的幻觉",
    "Right answer withheld": "答对的不再作答",
    "Wrong both times": "两次都答错",
    "Fixed by {second}": "被 {second} 改对",
    "Newly answered, rightly": "原来不答，现在答对",
    "Wrong answer withheld": "答错的不再作答",
    "Right both times": "两次都答对",
    "Abstained both times": "两次都未作答",
    "Failed": "出错",
    "Without gold answers": "没有标准答案",
    "{first} {before}, {second} {after}": "{first} {before}，{second} {after}",
    "in none of the rates": "不计入任何比率",
    "right": "正确",
    "hallucinated": "幻觉",
    "abstained": "未作答",
    "failed": "出错",
    "answered": "已作答",
    "supported": "有依据",
    "contradicted": "与资料矛盾",
    "unsupported": "无依据",
    "unverifiable": "无法核对",
}

_STATUSES = {
    "no gold answers": "没有标准答案",
    "no multiple choice": "不是选择题",
    "no claims": "没有可核对的说法",
    "no gold passage named": "没有指明标准段落",
    "no answerable questions": "没有可回答的问题",
    "no unanswerable questions": "没有无答案的问题",
    "no evidence to judge by": "没有可供核对的资料",
    "all abstained": "全部未作答",
    "names no choice, or several": "没有选出选项，或选了多个",
    "two choices equally likely": "两个选项概率相同",
    "no citations": "没有引用",
    "no prior of the choices": "没有选项的先验概率",
    "another kind of task": "属于另一类任务",
    "not measured": "未测量",
}

_SENTENCES = {
    "{low} to {high}": "{low} 至 {high}",
    "{value} s": "{value} 秒",
    "{value} ms": "{value} 毫秒",
    ", ": "，", "; ": "；", ".": "。",
    "; {p}": "；{p}",
    ", {p}\u00a0by\u00a0Holm": "，Holm\u00a0校正后\u00a0{p}",
    "{title}: {change}, {points} points (95% interval {interval}{p}; {n}).":
        "{title}：{change}，变化 {points} 个百分点（95% 区间 {interval}{p}；{n}）。",
    "no difference shown, from {first} to {second}": "未见差异，{first} 对 {second}",
    "no difference shown by the test (p above 0.05), from {first} to {second}":
        "未见差异（以检验为准，p 大于 0.05），{first} 对 {second}",
    "no difference shown by the test (p above 0.05 by Holm), from {first} to {second}":
        "未见差异（以检验为准，Holm 校正后 p 大于 0.05），{first} 对 {second}",
    "no difference shown (the interval holds 0), from {first} to {second}": "未见差异（区间含 0），{first} 对 {second}",
    "the same share, from {first} to {second}": "没有变化，{first} 对 {second}",
    "up from {first} to {second}": "从 {first} 升至 {second}",
    "down from {first} to {second}": "从 {first} 降至 {second}",
    "the question": "1 个问题",
    "the {questions}": "{questions}",
    "Of {questions} that {first} had right, {second} broke {count} ({share}; 95% interval {interval}%).":
        "{first} 答对的 {questions}中，{second} 改错了 {count} 个（{share}；95% 区间 {interval}%）。",
    "(90% interval of the change {low} to {high})": "（变化的 90% 区间 {low} 至 {high}）",
    "Did no harm: right answers stay within {margin} points either way {interval}.":
        "没有造成损害：正确率的变化不超过 ±{margin} 个百分点{interval}。",
    "Did no harm: right answers are not down by as much as {margin} points {interval}.":
        "没有造成损害：正确率的下降不到 {margin} 个百分点{interval}。",
    "Did harm: right answers are down, and a loss of {margin} points or more isn't excluded {interval}.":
        "造成了损害：正确率下降，且不能排除下降 {margin} 个百分点以上{interval}。",
    "Harm isn't excluded: right answers may be down by {margin} points or more {interval}.":
        "不能排除损害：正确率可能下降 {margin} 个百分点以上{interval}。",
    "So many questions show, 8 times in 10, a true change of {what} from {points} points on; a smaller one may go "
    "unseen.": "这么多问题，{what}的真实变化达到 {points} 个百分点时，十次有八次能看出来；更小的变化可能看不出。",
    "right answers": "正确率",
    "unsupported claims": "无依据说法的比例",
    "saves time": "更省时间", "costs no time": "不费时间",
    "Peak memory: {peak}.": "内存峰值：{peak}。",
    "Peak memory: {peak}, on the GPU {gpu}.": "内存峰值：{peak}，显存 {gpu}。",
    "{answers}: {why} ({title})": "{answers}：{why}（{title}）",
    "{answers} failed ({kind})": "{answers}出错（{kind}）",
    "{questions} for which no such evidence can be made ({kind})": "{questions}无法构造这样的资料（{kind}）",
}  # fmt: skip

_SETTINGS = {
    "arm": "回答方式",
    "versions": "版本",
    "seed": "随机种子",
    "generator": "语言模型",
    "generator name": "语言模型",
    "generator fingerprint": "语言模型指纹",
    "model": "语言模型",
    "knowledge": "知识库",
    "knowledge documents": "知识库文档数",
    "knowledge passages": "知识库段落数",
    "knowledge contents": "知识库内容指纹",
    "knowledge encoder name": "编码器",
    "knowledge encoder fingerprint": "编码器指纹",
    "verifier": "核对器",
    "verifier name": "核对器",
    "verifier threshold": "核对器阈值",
}

_HEAD = {
    "comparison": "对比评测",
    "two runs": "两次评测",
    "What {second} changes over {first}": "与 {first} 相比，{second} 改变了什么",
    "How {arms} answers": "{arms} 答得怎么样",
    " from <b>{name}</b>": "，来自 <b>{name}</b>",
    ", {count} of them without an answer": "，其中 {count} 个没有答案",
    ", the same for both arms": "，两种方式回答同一批问题",
    ", the same for all {count} arms": "，{count} 种方式回答同一批问题",
    ", answered by <b>{name}</b>": "，由 <b>{name}</b> 作答",
    "Unfinished: {done} of {asked} questions have been answered so far. The same command goes on from here.":
        "尚未完成：{asked} 个问题中已回答 {done} 个。再次运行同一命令即可继续。",
    "{answers} of {arm} failed": "{arm} 有 {answers}出错",
    "; failures are in none of the rates. The same command tries them again.":
        "；出错的不计入任何比率，再次运行同一命令会重试。",
    "In short": "概要",
    "to": "变为",
    "Hallucinated answers": "出现幻觉的回答",
    "Claims without support": "没有依据的说法",
    "These questions come without gold answers, so that nobody can say which answers are right. What can be said is "
    "how many claims the verifier doesn't find supported by the evidence of all arms together.":
        "这些问题没有标准答案，无法判断哪些回答正确；能说的是，有多少说法在各种方式找到的全部资料里得不到核对器的支持。",
    "{questions}, {arms}. Shares of questions in %, with 95% intervals.":
        "{questions}，{arms}。数值为占问题的百分比，方括号内为 95% 区间。",
}  # fmt: skip

_SECTIONS = {
    "What each mitigation buys and costs": "每项措施的收益与代价",
    "Each is switched alone: taken from {arm} (in full), and added to plain with what it needs (on plain). {title}, "
    "seconds and tokens are with it minus without it, a question, paired over {questions}; what is worth most a second "
    "stands first.":
        "每项措施单独开关：从完整的 {arm} 中去掉（完整时），或连同它所依赖的加到 plain 上（加到 plain）。{title}、"
        "秒数和词元数都是每题“有”减“无”，在 {questions}上配对；单位时间收益最高的排在最前。",
    "Mitigation": "措施",
    "in full": "完整时",
    "on plain": "加到 plain",
    "measured": "测法",
    "time": "耗时",
    "tokens": "词元",
    "points a second": "每秒换来的百分点",
    "{title}, points": "{title}（百分点）",
    "{where}: {with_it} against {without}, n = {n}": "{where}：{with_it} 对 {without}，n = {n}",
    "Right, abstained, hallucinated": "正确、未作答、幻觉",
    "Every question ends in one of three outcomes, so that declining to answer is never mistaken for being right.":
        "每个问题只有三种结果，不作答不会被当成答对。",
    "What changed": "变化",
    "What changed, and how surely": "改变了什么，把握有多大",
    "Each question's change from {first} to {second}, averaged. An interval that holds 0 shows no difference; a "
    "coloured one is better or worse, also after correction for {comparisons}.":
        "逐题计算从 {first} 到 {second} 的变化再取平均。区间包含 0 表示看不出差异；带颜色的表示变好或变差，"
        "经 {comparisons}的多重校正后依然成立。",
    "Rates with their uncertainty": "各项比率及其不确定性",
    "The dot is the rate, the line its 95% interval. What each rate means is said <a href=\"#definitions\">below</a>.":
        "圆点是比率，横线是 95% 区间。各项的含义见<a href=\"#definitions\">下文</a>。",
    "Question by question": "逐题来看",
    "What became of each question from {first} to {second}. The numbers lead to the questions.":
        "从 {first} 到 {second}，每个问题的结果怎样变化。点编号可跳到该题。",
    "Outcome": "结果",
    "Questions": "问题",
    "See": "查看",
    "and {count} more": "另有 {count} 个",
    "{first} against {second}": "{first} 与 {second}",
    "{second} against {first}": "{second} 与 {first} 对比",
    "Language": "语言",
    "By language": "按语言",
    "Category": "类别",
    "By category": "按类别",
    "Right, hallucinated and coverage (answered at all), as shares of the group's questions, with 95% intervals. Few "
    "questions say little: mind n.":
        "正确、幻觉和作答率（只要作答就算）占该组问题的比例及 95% 区间。问题少时说明不了什么，请留意 n。",
    "Confidence": "置信度",
    "Does confidence tell right from wrong?": "置信度能分辨对错吗？",
    "How many answers are wrong (risk, upwards) when only the surest are kept (coverage, to the left). A line that "
    "falls to the left means that confidence helps; the dotted one is withholding at random. Over answered questions "
    "with a confidence of the generator's own; ECE is how far confidence is from the share that is right.":
        "只保留最有把握的回答（越往左保留得越少）时，其中答错的比例（纵轴，风险）。曲线向左下降说明置信度有用；"
        "虚线是随机舍弃的结果。只统计已作答且语言模型给出置信度的问题；ECE 是置信度与实际正确率的差距。",
    "Planted answers": "植入的错误答案",
    "Followed the planted answer": "跟着植入的错误答案走",
    "Share of answers that say the wrong answer which was planted in counterfactual evidence; arms that never saw it "
    "show how often that happens by itself.":
        "回答说出反事实资料里植入的错误答案的比例；没见过这些资料的方式，显示这种情况自然发生的频率。",
    "followed": "跟随比例",
    "Labels": "标签",
    "Averages over labels, each weighing the same (macro); answers that name no label are in none of them.":
        "对各标签取平均，每个标签权重相同（宏平均）；没有给出标签的回答不计入。",
    "unparsed": "无法解析",
}  # fmt: skip

_QUESTIONS = {
    "Every answer, claim by claim": "每个回答，逐条核对",
    "{shown} of {count} questions are shown, some of every kind; all are in outcomes.jsonl and outcomes.csv. ":
        "这里显示 {count} 个问题中的 {shown} 个，各类都有；全部见 outcomes.jsonl 和 outcomes.csv。",
    "Worst first": "最差的在前",
    "Worst first. ": "最差的在前。",
    "An underline is the verifier's verdict on a claim, judged against the evidence of all arms; the number leads to "
    "the passage.": "下划线表示核对器依据各种方式找到的全部资料对这一说法的判断；点数字可看对应段落。",
    " Of {answers} it is shown what they rest on.": "其中 {answers}附有“为什么这样回答”。",
    "Show questions": "显示哪些问题",
    "All {count}": "全部 {count}",
    "Question": "问题",
    "Choices": "选项",
    "No answer in the knowledge base: declining is right.": "知识库里没有答案：不作答才对。",
    "none: declining is right": "无，不作答才对",
    "Gold": "标准答案",
    "No gold answer": "没有标准答案",
    "({title}; gold: {gold})": "（{title}；标准答案：{gold}）",
    "{arm}, {state}: ": "{arm}，{state}：",
    "(no text)": "（没有内容）",
    "sure {share}": "把握 {share}",
    " (retrieve {retrieve}, generate {generate}, verify {verify})":
        "（检索 {retrieve}，生成 {generate}，核对 {verify}）",
    "{prompt} + {completion} tokens": "{prompt} + {completion} 个词元",
    "Evidence: {passages}, {cited} cited": "{passages}，引用了 {cited} 段",
    "evidence {number}": "资料 {number}",
    ", support {value}": "，支持度 {value}",
    "page {page}": "第 {page} 页",
    "retrieved by {arms}": "由 {arms} 检索到",
    "the right choice": "正确选项",
    "Why {arm} says this": "{arm} 为什么这样回答",
}  # fmt: skip

_CHARTS = {
    "higher is better": "越高越好",
    "lower is better": "越低越好",
    "Higher is better.": "越高越好。",
    "Lower is better.": "越低越好。",
    " Source: {source}.": "出处：{source}。",
    "{name}: {value}, 95% interval {interval}": "{name}：{value}，95% 区间 {interval}",
    "{name}: {value} points, 95% interval {interval}": "{name}：{value} 个百分点，95% 区间 {interval}",
    "{second} minus {first}": "{second} 减 {first}",
    "points, 95% interval; ↑ more, ↓ less is better; p by Holm":
        "百分点，95% 区间；↑ 越高越好，↓ 越低越好；p 经 Holm 校正",
    "Figure": "指标",
    "points": "百分点",
    "share": "占比",
    "seconds": "秒",
    "95% interval": "95% 区间",
    "coverage {share}": "作答率 {share}",
    "hallucinated (hatched)": "幻觉（斜纹）",
    "coverage: the share answered": "作答率：已作答的比例",
    "Risk by coverage, a line for each arm": "风险随保留比例的变化，每种方式一条线",
    "coverage: share of answers kept, surest first": "保留的回答比例（最有把握的优先）",
    "risk: share wrong ↑": "风险：答错比例 ↑",
    "Arm": "方式",
    "sure of": "把握",
    "area ↓": "面积 ↓",
}  # fmt: skip

_END = {
    "What the figures mean": "各项数值的含义",
    "Intervals are 95%: Wilson's for shares of yes or no, BCa bootstrap ({resamples} resamples, seed {seed}) for "
    "graded scores and for paired differences, where pairs stay pairs.":
        "区间均为 95%：是非比例用 Wilson 区间，分级得分和配对差异用 BCa 自助法（重抽样 {resamples} 次，种子 {seed}），"
        "重抽时成对的保持成对。",
    " The questions stand on {passages}; those that share one aren't independent, so whole passages are resampled.":
        "这些问题出自 {passages}；出自同一段的问题并不独立，因此按整段重抽样。",
    " p comes from a paired permutation test.": "p 值来自配对置换检验。",
    " This report shows {comparisons}; Holm's method adjusts p so that the chance of even one false find among all of "
    "them stays at 5%.": "本报告共有 {comparisons}；p 值经 Holm 法校正，使其中出现哪怕一次误报的概率不超过 5%。",
    " A difference counts as shown where its interval leaves 0 out and adjusted p is at most 0.05.":
        "区间不含 0 且校正后 p 不超过 0.05，才算看出差异。",
    " “Did no harm” is held against a margin of {margin} points, a convention: two one-sided tests at 5%, read off a "
    "90% interval.":
        "“没有造成损害”以 {margin} 个百分点为界，这是一个约定：在 5% 水平上做两个单侧检验，由 90% 区间读出。",
    " What a second arm broke is a share of what the first had right.": "“改错”的比例以前一种方式答对的问题为分母。",
    "The verifier": "核对器",
    "Claims are judged by <b>{name}</b>.": "说法由 <b>{name}</b> 核对。",
    "Claims are judged by <b>{name}</b>: supported from {threshold} on.":
        "说法由 <b>{name}</b> 核对：支持度达到 {threshold} 即为有依据。",
    " A verdict is a measurement and can be wrong.": "判断是一种测量，可能出错。",
    " Its error wasn't given to this report.": "本报告没有得到它的误差。",
    "Its error, measured on": "误差测自",
    "AUROC: how often a supported claim gets a higher score than one that isn't; 0.5 is chance, 1 is perfect.":
        "AUROC：有依据的说法得分高于无依据说法的概率；0.5 等于瞎猜，1 为完美。",
    "Cost": "代价",
    "mean a question": "平均每题",
    "mean seconds": "平均秒数",
    "median": "中位数",
    "95th percentile": "95 百分位",
    "retrieve": "检索",
    "generate": "生成",
    "verify": "核对",
    "tokens in": "输入词元",
    "tokens out": "输出词元",
    "Counted apart, in none of the rates": "单独计数，不计入任何比率",
    "Do it again": "重现这次评测",
    "given as objects": "由程序直接给出",
    "{lines} skipped": "跳过 {lines}",
    "Arm {name}": "方式 {name}",
    "Versions": "版本",
    "Made by firmground from outcomes.jsonl, which holds a row for every question and arm; outcomes.csv is the same "
    "for a spreadsheet, report.md this report as Markdown.":
        "由 firmground 根据 outcomes.jsonl 生成，其中每个问题、每种方式各有一行；outcomes.csv 是同样内容的表格，"
        "report.md 是本报告的 Markdown 版。",
}  # fmt: skip

_RUNS = {
    "{questions}, the same for both, paired: every difference is the second run's answer minus the first run's, "
    "question by question.": "{questions}，两次相同，逐题配对：差异都是后一次减前一次。",
    "{questions}, paired; differences are the second run minus the first.":
        "{questions}，逐题配对；差异是后一次减前一次。",
    "{name} is unfinished: {done} of {asked} questions have been answered so far. Only what both have is compared.":
        "{name} 尚未完成：{asked} 个问题中已回答 {done} 个。只比较两次都有的问题。",
    "{arm} in {run}": "{run} 的 {arm}",
    "What was done differently": "两次有哪些不同",
    "Every figure, and what became of the questions": "全部数值，以及各题结果的变化",
    "Intervals are 95%, by bootstrap over questions (over whole passages, where questions share one); pairs stay "
    "pairs. p comes from a paired permutation test, and is adjusted by Holm's method for {comparisons}.":
        "区间均为 95%，按问题做自助法重抽样（有共用段落的按整段），成对的保持成对。p 值来自配对置换检验，"
        "并按 {comparisons}用 Holm 法校正。",
    " Left out, since each run's own pool of evidence judged it: {names}.":
        "两次各用自己的资料核对，因此以下各项不作比较：{names}。",
    "Left out, since another pool of evidence judged it: {names}.": "核对所用资料不同，以下各项不作比较：{names}。",
    "Made by firmground from the outcomes.jsonl of both runs.": "由 firmground 根据两次评测的 outcomes.jsonl 生成。",
}  # fmt: skip

_REASONS = {
    "Reasons: {question}": "依据：{question}",
    "probability {probability}, entropy {entropy} nats": "概率 {probability}，熵 {entropy} 奈特",
    "log-probability {value} nats": "对数概率 {value} 奈特",
    "log-probability {value} nats, {without} without any evidence":
        "对数概率 {value} 奈特，没有任何资料时为 {without}",
    "; words underlined with dashes have a probability below {share}.": "；虚线标出的词概率低于 {share}。",
    "What it rests on": "回答依据哪些句子",
    "Each sentence of the evidence in the prompt, with its weight in a sparse linear surrogate of the answer's logit "
    "(ContextCite). A striped bar speaks against the answer.":
        "提示词中资料的每一句，及其在稀疏线性代理模型（ContextCite）里的权重。斜纹条表示这一句不利于该回答。",
    "Each sentence of the evidence in the prompt, with what the answer's log-probability loses without it (nats). A "
    "striped bar speaks against the answer.":
        "提示词中资料的每一句，及去掉它后回答的对数概率损失多少（奈特）。斜纹条表示这一句不利于该回答。",
    "{document}, characters {start}–{end}": "{document}，第 {start}–{end} 字符",
    "weight": "权重",
    "removing it": "去掉后损失",
    "attention on it": "所得注意力",
    "Without a whole passage (nats): ": "去掉整段的损失（奈特）：",
    "Here attention misleads: it lies most on another sentence than the one that the answer loses most without.":
        "这里注意力有误导：它最集中的句子，并不是去掉后回答损失最大的那一句。",
    "How far these reasons can be trusted": "这些依据有多可信",
    "by": "方法",
    "drop without the highest ranked (nats)": "去掉排在最前的句子后的损失（奈特）",
    "ablations": "消融次数",
    "agreement with leave-one-out": "与逐句去除的一致性",
    "leave-one-out": "逐句去除",
    "contextcite": "ContextCite",
    "attention": "注意力",
    "{drop} (top {k})": "{drop}（前 {k} 句）",
    "LDS: rank correlation in [−1, 1] between what the scores predict for prompts without some sentences and what the "
    "model says there. Higher is better in every column.":
        "LDS：去掉若干句后，按得分作出的预测与模型实际结果之间的秩相关，范围 [−1, 1]。各列都是越高越好。",
    "No evidence stood in the prompt: the answer rests on the model alone.": "提示词里没有资料：回答只靠模型自己。",
    "Token by token": "逐个词元",
    "The bar is how unexpected the token was (minus its log-probability), the dotted line how open the choice was "
    "(entropy), both in nats from 0 to {most}.":
        "实心条是该词元的意外程度（负对数概率），虚线是当时选择的不确定程度（熵），单位均为奈特，从 0 到 {most}。",
    "Where the model looked": "模型看了哪里",
    "Attention heat maps, {layers} layers by {heads} heads": "注意力热图，{layers} 层 × {heads} 头",
    "{layers} layers, the first on top, by {heads} heads. In each: a row a token of the answer, a column a token of "
    "the evidence, sentence by sentence, then of the question; the stronger the colour (by its square root), the more "
    "attention. Attention shows where the model looked, not what it used.":
        "共 {layers} 层（第一层在最上），每层 {heads} 个头。每个小图里，一行是回答的一个词元，一列是资料的一个词元"
        "（逐句排列），最后是问题的词元；颜色越深（按平方根）注意力越多。注意力说明模型看了哪里，不说明它用了什么。",
}  # fmt: skip

_GROUPS = {  # languages, and the categories of the bundled questions
    "en": "英文", "zh": "中文",
    "biological": "生物", "misconceptions": "常见误解", "numbers": "数量", "physical": "物理",
    "safety": "安全", "social": "社会", "spatial": "空间", "temporal": "时间",
}  # fmt: skip

ZH: dict[str, str] = {
    **_FLIPS, **_STATUSES, **_SENTENCES, **_SETTINGS, **_HEAD, **_SECTIONS, **_QUESTIONS, **_CHARTS, **_END, **_RUNS,
    **_REASONS, **AUDIT_ZH, **MITIGATIONS_ZH, **_GROUPS,
}  # fmt: skip
