"""What the page says where questions are asked and answers stand side by side."""

from __future__ import annotations

# key: (English, Chinese). What stands in braces is filled in by `text`; both languages have the same.
COMPARE: dict[str, tuple[str, str]] = {
    "tagline": (
        "Ask a language model alone and with your documents, and see claim by claim what the documents changed.",
        "同一个问题，先让语言模型单独回答，再带上你的资料回答，逐句看资料改变了什么。",
    ),
    "question": ("Your question", "你的问题"),
    "placeholder": ("Type a question and press Enter", "输入问题，按回车键提问"),
    "ask": ("Ask", "提问"),
    "examples": ("Or try one of these", "或者点一个试试"),
    "settings": ("Settings", "设置"),
    "language": ("Language", "界面语言"),
    "kb": ("Knowledge base", "知识库"),
    "kb_help": (
        "A bundled pack, or type the path of a folder made with: firmground index PATH --kb FOLDER",
        "选一个自带的知识包，或输入知识库文件夹的路径（用 firmground index 路径 --kb 文件夹 建立）",
    ),
    "kb_size": ("{count} documents, encoder {encoder}", "{count} 篇文档，编码器 {encoder}"),
    "arms": ("Ways to answer", "回答方式"),
    "arms_help": (
        "Each is asked the same question; the answers stand side by side.",
        "每种方式回答同一个问题，答案并排显示。",
    ),
    "generator": ("Language model", "语言模型"),
    "generator_help": (
        "A model by name, hf:organisation/name, a model's folder, or chat:provider:model. "
        "Models are fetched with: firmground weights NAME",
        "模型名、hf:组织/名称、模型文件夹，或 chat:提供方:模型。下载模型用：firmground weights 名称",
    ),
    "plain": ("Plain", "纯模型"),
    "stock": ("Stock", "常规检索"),
    "augmented": ("Augmented", "检索增强"),
    "longform": ("Long form", "整句回答"),
    "extractive": ("Extractive", "原文摘录"),
    "plain_effect": ("The model alone: no documents", "只有模型，不看资料"),
    "stock_effect": (
        "Four passages in a tutorial's prompt, as is common",
        "常见做法：四段资料直接放进教程里的提示词",
    ),
    "augmented_effect": (
        "The same model, given what was found in the documents",
        "同一个模型，带上从资料里找到的内容",
    ),
    "longform_effect": (
        "Augmented, in whole sentences: for questions that want an explanation",
        "检索增强，用整句回答：适合需要解释的问题",
    ),
    "extractive_effect": ("Quotes the documents; no model writes", "直接摘录资料原文，不用语言模型"),
    "loading": (
        "Loading the knowledge base and the models. The first time takes a minute …",
        "正在载入知识库和模型，第一次需要一分钟左右……",
    ),
    "loading_base": ("Opening the knowledge base and its encoder …", "正在打开知识库及其编码器……"),
    "loading_generator": ("Loading the language model …", "正在载入语言模型……"),
    "answering": ("{arm} is answering …", "{arm}正在回答……"),
    "judging": ("Weighing the claims against the evidence …", "正在用资料核对每句话……"),
    "waiting": ("waiting for its turn", "排队中"),
    "working": ("at work", "正在回答"),
    "stopped": ("Not answered.", "没有回答。"),
    "empty_answer": ("(an empty answer)", "（答案为空）"),
    "declined": ("Declined to answer", "没有作答"),
    "supported": ("Supported", "有依据"),
    "contradicted": ("Contradicted", "与资料矛盾"),
    "unsupported": ("Unsupported", "无依据"),
    "unverifiable": ("Can't be checked", "无法核对"),
    "support": ("support {value}", "支持度 {value}"),
    "no_citation": (
        "nothing in the evidence says this in words like these",
        "资料里没有用类似的词这样说",
    ),
    "no_evidence": ("there is no evidence to check it against", "没有可供核对的资料"),
    "open_citation": ("see where", "查看出处"),
    "place_page": ("page {page}", "第 {page} 页"),
    "place_characters": ("characters {start}–{end}", "第 {start}–{end} 字符"),
    "seconds": ("{value} s", "{value} 秒"),
    "tokens": ("{prompt} + {completion} tokens", "{prompt} + {completion} 个词元"),
    "steps": (
        "find {retrieve} s · answer {generate} s · check {verify} s",
        "检索 {retrieve} 秒 · 回答 {generate} 秒 · 核对 {verify} 秒",
    ),
    "evidence": ("Evidence: {count} passages", "资料：{count} 段"),
    "evidence_note": (
        "All answers are judged on these same passages. Marked is what a verdict rests on. The score joins nearness "
        "in meaning (cosine) with words shared (BM25); # is the place by each.",
        "所有答案都用这几段资料来核对；高亮处是判断的依据。得分由语义相近（余弦）和共有词语（BM25）合成，"
        "“第几”是各自的名次。",
    ),
    "no_hits": (
        "None of the chosen ways looks anything up. Verdicts rest on passages found for the check alone.",
        "所选方式都不检索资料；判断所依据的段落只为核对而查找。",
    ),
    "score": ("score {value}", "得分 {value}"),
    "dense": ("meaning #{rank}", "语义第 {rank}"),
    "lexical": ("words #{rank}", "词语第 {rank}"),
    "dense_score": ("cosine {value}", "余弦 {value}"),
    "lexical_score": ("BM25 {value}", "BM25 {value}"),
    "fair": ("shown evenly #{rank}", "均衡展示第 {rank}"),
    "rerank": ("read again #{rank}", "重排第 {rank}"),
    "rerank_score": ("cross-encoder {value}", "交叉编码器 {value}"),
    "found_by": ("found for {arms}", "由{arms}找到"),
    "legend": ("How to read the marks", "标记说明"),
    "verifier": (
        "Verdicts come from counted features of claim and evidence ({name}): a first look, no proof.",
        "判断来自说法与资料的计数特征（{name}）：只是初步参考，不是证明。",
    ),
    "verifier_error": (
        "On {sets} test sets it called {false_low}–{false_high} % of unsupported claims supported, and "
        "{missed_low}–{missed_high} % of supported claims unsupported.",
        "在 {sets} 个测试集上实测：无依据的说法有 {false_low}–{false_high}% 被判为有依据，"
        "有依据的说法有 {missed_low}–{missed_high}% 被判为无依据。",
    ),
    "verifier_unmeasured": ("Its error has not been measured.", "它的误差尚未测量。"),
    "verifier_table": ("The measurements", "测量结果"),
    "column_set": ("test set", "测试集"),
    "column_n": ("n", "n"),
    "column_auroc": ("AUROC (95% interval; 0.5 is chance, 1 is perfect)", "AUROC（95% 区间；0.5 为随机，1 为完美）"),
    "column_false": ("unsupported, called supported", "无依据，判为有依据"),
    "column_missed": ("supported, called unsupported", "有依据，判为无依据"),
    "note_chinese": (
        "{generator} wasn't trained on Chinese: what it writes here means little. The extractive way needs no model; "
        "gemma-3-270m writes Chinese (fetch it with: firmground weights gemma-3-270m).",
        "{generator} 没有学过中文，它写出的中文没有参考价值。“原文摘录”不需要模型；gemma-3-270m 会写中文"
        "（下载：firmground weights gemma-3-270m）。",
    ),
    "note_other_language": (
        "The question is in another language than {kb}; little can be found for it there. Try {other}.",
        "问题的语言与知识库 {kb} 不同，恐怕查不到什么。可以改用 {other}。",
    ),
    "use_extractive": ("Answer with quotes too", "再加上原文摘录"),
    "use_other": ("Ask {other}", "改问 {other}"),
    "hint": (
        "Pick a question above. On the left you choose what is asked: the documents, the model, the ways to answer.",
        "从上面选一个问题。左侧可以选择知识库、模型和回答方式。",
    ),
    "error": ("That didn't work", "没有成功"),
    "error_empty": ("The question is empty: type one, or click an example.", "问题是空的：请输入一个，或点一个例子。"),
    "error_no_arm": (
        "No way to answer is chosen: pick at least one under “Ways to answer”.",
        "没有选择回答方式：请在“回答方式”里至少选一个。",
    ),
    "error_no_kb": (
        "No knowledge base is chosen: pick a pack, or type the path of a folder.",
        "没有选择知识库：请选一个知识包，或输入文件夹路径。",
    ),
    "error_no_generator": (
        "No language model is chosen: name one, or ask the extractive way alone.",
        "没有选择语言模型：请选一个，或只用“原文摘录”。",
    ),
    "error_unexpected": (
        "Unexpected: {problem}. Ask again; if it comes back, the terminal has the details to report.",
        "意外错误：{problem}。请再问一次；如果再次出现，终端里有可供报告的详情。",
    ),
    "switches": ("What “augmented” does", "“检索增强”做了什么"),
    "switches_note": (
        "Turn one off or on, ask again, and see what it was worth.",
        "关掉或打开一项再问一次，看看它值多少。",
    ),
    "switch_hybrid": ("Words beside meaning", "词语加语义"),
    "switch_hybrid_help": (
        "Passages are found by words as well as by meaning; off: by meaning alone.",
        "按词语和语义一起检索；关掉后只按语义。",
    ),
    "switch_best": ("The best passage only", "只用最好的一段"),
    "switch_best_help": ("Off: all passages found go into the prompt.", "关掉后，找到的所有段落都放进提示词。"),
    "switch_sentences": ("Fitting sentences", "只用相关句子"),
    "switch_sentences_help": (
        "Only the sentences that fit the question; off: whole passages.",
        "只放与问题相关的句子；关掉后放整段。",
    ),
    "switch_budget": ("A limit to the evidence", "限制资料长度"),
    "switch_budget_help": ("Off: as many fitting sentences as there are.", "关掉后，相关句子不限长度。"),
    "switch_spans": ("Quotations weighed too", "同时权衡原文片段"),
    "switch_spans_help": (
        "Spans of the evidence compete with what the model wrote; off: what it wrote is given.",
        "资料中的片段与模型写的答案一起比较；关掉后只给模型写的。",
    ),
    "switch_length": ("Whole sentences", "整句回答"),
    "switch_length_help": (
        "On: one to three sentences instead of a few words.",
        "打开后，回答一到三句话，而不是几个词。",
    ),
    "switch_prompt": ("Worked examples", "带示例的提示词"),
    "switch_prompt_help": ("Off: a tutorial's plain instruction.", "关掉后，用教程里的普通指令。"),
    "switch_gate": ("Silence without evidence", "没有依据就不答"),
    "switch_gate_help": (
        "On: it declines where what was found doesn't answer the question.",
        "打开后，找到的资料回答不了问题时不作答。",
    ),
    "switch_hops": ("A second search", "再检索一次"),
    "switch_hops_help": (
        "On: it also looks for what the first passages leave open.",
        "打开后，再去找第一次检索没有说到的内容。",
    ),
    "switch_fair": ("Both genders found alike", "男女资料同样检索"),
    "switch_fair_help": (
        "On: where a question names no gender, search doesn't prefer passages about one.",
        "打开后，问题没有提到性别时，检索不偏向其中一种性别的段落。",
    ),
    "switch_contrast": ("Words that the evidence favours", "偏向资料的用词"),
    "switch_contrast_help": (
        "On: each word counts by how much likelier the evidence makes it. Twice the work.",
        "打开后，资料让哪个词更有可能，就更偏向哪个词；计算量加倍。",
    ),
    "switch_samples": ("Four drafts", "写四份草稿"),
    "switch_samples_help": (
        "On: the draft that the evidence supports best is given, all at once and not word by word.",
        "打开后，给出最有依据的一份草稿；写完才一次显示。",
    ),
    "switch_repair": ("Unsupported claims cut", "删去无依据的话"),
    "switch_repair_help": (
        "On: sentences that the evidence doesn't support are cut, and it is said which.",
        "打开后，删去没有依据的句子，并说明删了哪些。",
    ),
    "switch_screen": ("Demeaning words changed", "改掉贬损的话"),
    "switch_screen_help": (
        "On: sentences that demean a group are withheld, needless gendering is said neutrally.",
        "打开后，不显示贬损人群的句子，不必要的性别说法改为中性。",
    ),
    "switch_debias": ("The same for every group", "换个群体也一样"),
    "switch_debias_help": (
        "On: the question is also read with its groups exchanged; what is said must hold in both readings.",
        "打开后，把问题中的群体互换再读一遍，两种读法都成立的话才说。",
    ),
    "understanding": ("Looking at what was said before …", "正在联系前面的对话……"),
    "understood": ("Understood as: {question}", "理解为：{question}"),
    "weighing": (
        "Written. Weighing text {number} of {of}: it, and quotations that could take its place …",
        "已写完。正在权衡第 {number}/{of} 个：它，以及可以代替它的原文……",
    ),
    "exchanged": (
        "The model wrote “{written}”. A quotation fits the question and is likely enough: it is given instead.",
        "模型写的是“{written}”。原文中有一段与问题相符且足够可能，因此改用原文。",
    ),
    "from_memory": (
        "Answered from the model's memory: what was found doesn't answer the question.",
        "凭模型的记忆回答：找到的资料回答不了这个问题。",
    ),
    "gate_says": (
        "Probability that what was found answers the question: {value}",
        "找到的资料能回答这个问题的概率：{value}",
    ),
    "changed": ("“{before}” became “{after}”: {why}", "“{before}”改为“{after}”：{why}"),
    "cut": ("“{before}” was cut: {why}", "“{before}”已删去：{why}"),
    "lacking": (
        "Without {fields}: this model tells no probabilities.",
        "没有使用 {fields}：这个模型不给出概率。",
    ),
    "confidence": ("the model's confidence {value}", "模型自己的把握 {value}"),
    "confidence_help": (
        "Confidence: the geometric mean of the probabilities that the model gave its words. It says how usual the "
        "words are to it, not how true they are.",
        "把握：模型给自己每个词的概率的几何平均。它说明这些词在模型看来有多自然，而不是有多真实。",
    ),
    "follow_up": ("Ask a follow-up", "接着问"),
    "follow_up_placeholder": (
        "It is understood by what was asked and answered above",
        "会联系上面的问题和回答来理解",
    ),
    "follow_up_ask": ("Ask on", "追问"),
    "start_anew": ("Start anew", "重新开始"),
    "why": ("Why this answer", "为什么这样回答"),
    "why_working": (
        "Answering again without each sentence of the evidence …",
        "正在逐句去掉资料，看答案还剩多少把握……",
    ),
    "why_attention": ("Attention maps too", "同时看注意力图"),
    "why_attention_help": (
        "Where the model looked, per layer and head, with how far that agrees with what taking sentences away shows.",
        "模型在各层各头看了哪里，以及这与逐句去掉资料的结果有多一致。",
    ),
    "open_document": ("Open source {number}", "打开来源 {number}"),
    "document_at": ("The source, at the cited place", "来源原文（引用处）"),
    "whole_document": ("The whole document", "整篇文档"),
}
