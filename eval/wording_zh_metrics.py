"""What Chinese calls the metrics, how it defines them, and whose they are; and what it says of mitigations."""

from __future__ import annotations

_SQUAD = "SQuAD 的评测脚本（arXiv 1606.05250）；中文用 CMRC 2018 的（arXiv 1810.07366）"
_SACREBLEU = "由 sacrebleu 计算（Post 2018，arXiv 1804.08771）"
_TREC = "与 trec_eval 的算法相同（https://trec.nist.gov/trec_eval/）"
_ALCE = "ALCE（Gao 等 2023，arXiv 2305.14627），由我们的核对器判断"
_OURS = "firmground"
_OF_REFERENCES = "用于摘要和翻译。未作答计 0。"
_MACRO = "与 scikit-learn 的算法相同（average='macro'）"
_OF_LABELS = "只计标准答案或回答中出现过的标签；0/0 计 0。"

# (title, definition, source) by a metric's name; of recall@4 and ndcg@4, by what stands before the @.
METRICS_ZH: dict[str, tuple[str, str, str]] = {
    "right": (
        "正确", "答对的问题所占比例：完全匹配；或与某个标准答案的词元 F1 不低于 0.5，且该答案里的数字都出现在回答中"
        "（阿拉伯数字、英文数词和中文数字一视同仁）；选择题则为选中正确选项。", _OURS,
    ),
    "hallucination": ("幻觉", "作了答但没有答对的问题所占比例。没有答案的问题，只要作答就算。", _OURS),
    "abstained": ("未作答", "拒绝作答或没有给出内容的问题所占比例。", _OURS),
    "coverage": ("作答率", "作了答的问题所占比例，不论对错：1 减去未作答的比例。", _OURS),
    "em": ("完全匹配", "规范化之后，回答与某个标准答案相同。只计有答案的问题；未作答计 0。", _SQUAD),
    "f1": (
        "词元 F1", "回答与最接近的标准答案的重合程度：英文看共有的词，中文看最长的公共连续字串。只计有答案的问题；"
        "未作答计 0，没有答案的问题不计入。", _SQUAD,
    ),
    "match": (
        "包含答案",
        "标准答案出现在回答里：英文按整词，中文按连续的字，标点去掉或当作空格。只计有答案的问题；未作答计 0。",
        "同 PopQA（arXiv 2212.10511）和 BERGEN（arXiv 2407.01102），但不在单词内部匹配",
    ),
    "accuracy": (
        "准确率", "有选项或标签的问题中，选中正确一项的比例：按概率权衡过选项的，依该方式的规则；否则看写出的内容。"
        "没有选出唯一选项的为无法解析，概率相同的为并列，两者单独计数；未作答计 0。", _OURS,
    ),
    "accuracy_sum": (
        "按概率的准确率", "同上，选取各词元对数概率之和最高的选项。只计按概率权衡过选项的问题。",
        "lm-evaluation-harness 的 `acc`",
    ),
    "accuracy_characters": (
        "按每字概率的准确率", "同上，对数概率除以选项的字符数，使长选项不吃亏。", "lm-evaluation-harness 的 `acc_norm`",
    ),
    "accuracy_pmi": (
        "按互信息的准确率", "同上，减去没有问题时该选项的对数概率，使常见说法不占便宜。",
        "领域条件 PMI（Holtzman 等 2021，arXiv 2104.08315）",
    ),
    "rouge_l": (
        "ROUGE-L", "与最接近的参考文本的最长公共子序列的 F 值：英文按小写单词、不取词干，中文按字"
        "（拉丁词和数字保持完整）。" + _OF_REFERENCES,
        "Lin 2004（https://aclanthology.org/W04-1013）；英文同 rouge-score 软件包",
    ),
    "bleu": (
        "BLEU", "1 至 4 个词（中文为字）的连续片段精确率的几何平均，过短受罚；这里按单篇计算并作平滑。"
        "比较系统时请用全部文本的数值。" + _OF_REFERENCES,
        f"Papineni 等 2002（https://aclanthology.org/P02-1040），{_SACREBLEU}",
    ),
    "chrf": (
        "chrF", "与最接近的参考文本相比，1 至 6 个字符片段的 F 值（召回率权重加倍）。" + _OF_REFERENCES,
        f"Popović 2015（https://aclanthology.org/W15-3049），{_SACREBLEU}",
    ),
    "unsupported": (
        "无依据的说法", "每个回答中，核对器在各种方式找到的全部资料里找不到依据的说法所占比例；"
        "对有说法的回答取平均。各种方式用同一批资料核对。", _OURS,
    ),
    "citation_precision": (
        "引用精确率", "回答的引用中，其说法确实需要的比例：该说法由其全部引用共同支持，而且这条引用不是无关的。", _ALCE,
    ),
    "citation_recall": ("引用召回率", "回答的说法中，由其全部引用共同支持的比例。", _ALCE),
    "declined_rightly": ("该不答时未作答", "没有答案的问题中，没有作答的比例。", _OURS),
    "mrr": ("MRR", "第一个含有标准内容（文档或事实）的段落名次的倒数；没有则为 0。", _TREC),
    "recall": ("Recall@{k}", "该问题的标准文档或事实中，出现在检索结果前 {k} 段里的比例。", _TREC),
    "ndcg": (
        "nDCG@{k}", "检索结果前 {k} 段中的标准文档或事实，每个只计一次，名次越靠后计得越少（按名次的对数），"
        "再除以最佳排序的值。", f"Järvelin 和 Kekäläinen 2002，{_TREC}",
    ),
    "ece": (
        "期望校准误差", "置信度与实际正确率的差距：分为十个等宽区间，按回答数加权的平均距离。只计有置信度的回答。",
        "Guo 等 2017（arXiv 1706.04599）",
    ),
    "brier": (
        "Brier 分数", "置信度与实际结果（答对为 1，否则为 0）之差的平方的平均。",
        "Brier 1950（https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2）",
    ),
    "aurc": (
        "风险–保留曲线下面积", "依次取最有把握的 1 个、2 个……直到全部回答，其中答错比例的平均：信任置信度的代价。",
        "Geifman 和 El-Yaniv 2017（arXiv 1705.08500）；并列的按随机次序取平均",
    ),
    "macro_precision": ("宏平均精确率", "各标签精确率（给出该标签的回答中正确的比例）的平均。" + _OF_LABELS, _MACRO),
    "macro_recall": ("宏平均召回率", "各标签召回率（该标签的问题中答对的比例）的平均。" + _OF_LABELS, _MACRO),
    "macro_f1": ("宏平均 F1", "各标签 F1（精确率与召回率的调和平均）的平均。" + _OF_LABELS, _MACRO),
    "corpus_bleu": (
        "全部文本的 BLEU", "由全部文本的计数合并算出的 BLEU，除非某项计数为 0，否则不作平滑：论文里报告的就是它。",
        f"Papineni 等 2002（https://aclanthology.org/P02-1040），{_SACREBLEU}",
    ),
    "corpus_chrf": (
        "全部文本的 chrF", "由全部文本的计数合并算出的 chrF。",
        f"Popović 2015（https://aclanthology.org/W15-3049），{_SACREBLEU}",
    ),
    "perplexity": (
        "困惑度", "模型平均在多少个同样可能的词元之间犹豫。只能在分词器相同的模型之间比较。",
        "Jelinek 等 1977（J. Acoust. Soc. Am. 62, S63）",
    ),
    "bits_per_byte": (
        "每字节比特数", "模型编码一个字节的文本（UTF-8）需要多少比特。分词器不同的模型也可比较。",
        "Gao 等 2020（arXiv 2101.00027）",
    ),
}  # fmt: skip

# By what English says of them.
MITIGATIONS_ZH = {
    "evidence from the documents": "使用文档中的资料",
    "search by words beside search by meaning": "在语义检索之外加上词语检索",
    "the best passages only, instead of all found": "只用最好的段落，而不是找到的全部",
    "the sentences that fit, instead of whole passages": "只用相关的句子，而不是整段",
    "a limit to the tokens of evidence": "限制资料的词元数",
    "spans of the evidence weighed beside the written answer": "同时权衡资料原文片段与所写的回答",
    "whole sentences, instead of a few words": "用整句回答，而不是几个词",
    "worked examples in the prompt, instead of the tutorial's instruction": "提示词带示例，而不是教程里的指令",
    "a quoted span, instead of generated text": "摘录原文，而不是生成文字",
    "no answer where the evidence doesn't fit the question": "资料与问题不符时不作答",
    "how facts lead to each choice counts beside its likelihood": "除选项的概率外，还看事实如何通向各选项",
    "a second search for what the first hits leave open": "对第一次检索没有解决的部分再检索一次",
    "tokens that the evidence makes likelier": "偏向因资料而更可能的词元",
    "several drafts, the best supported given": "写几稿，给出依据最足的一稿",
    "a cross-encoder that reads the hits again": "用交叉编码器重读检索结果",
    "passages about either gender found alike": "不论性别，相关段落同样能检索到",
    "answers that don't hang on which group is named": "换一个群体，回答不变",
    "unsupported claims cut, or written again": "删去或重写没有依据的说法",
    "demeaning sentences found, needless gendering told": "找出贬损群体的句子，提示不必要的性别用语",
    "choices weighed by likelihood, instead of a written answer": "按概率权衡选项，而不是看写出的回答",
}
