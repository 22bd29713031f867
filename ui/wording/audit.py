"""What the view of audits says; the names of what audits measure stand in `eval/wording_audit.py`."""

from __future__ import annotations

AUDIT: dict[str, tuple[str, str]] = {
    "audit_part": ("What to look at", "查看内容"),
    "audit_effects": ("What filters change", "过滤器的效果"),
    "audit_filters": ("Whom filters err on", "过滤器误伤谁"),
    "audit_corpus": ("Whom documents speak of", "文档在说谁"),
    # -------------------------------------------------------------------------------------- before and after
    "effects_intro": (
        "The same rows without and with each filter: bias, what of use is kept, what is flagged without reason, and "
        "seconds. Lines are 95% intervals; the dashed line is the ideal.",
        "同样的数据，不用与使用每种过滤器：偏见、保留的效用、无故标出的内容和耗时。横线为 95% 区间，虚线为理想值。",
    ),
    "audit_overview": ("All filters", "全部过滤器"),
    "audit_overview_note": (
        "Bias figures of whole sets by what became of them, then the largest loss that an interval shows.",
        "整个数据集的偏见指标按结果计数，然后是区间能看出的最大损失。",
    ),
    "audit_each": ("One set, one filter", "一个数据集，一种过滤器"),
    "audit_working": ("Asking the filters …", "正在检查过滤器……"),
    "audit_open": ("Audit", "审计"),
    "audit_shipped": ("sentences of our own (ship with firmground)", "自带句子（随 firmground 提供）"),
    "audit_set": ("Set", "数据集"),
    "audit_filter": ("Filter", "过滤器"),
    "audit_before": ("without", "不用"),
    "audit_after": ("with", "使用"),
    "audit_model": ("Model", "模型"),
    "audit_made": ("Made", "时间"),
    "audit_files": ("Data files", "数据文件"),
    "audit_notes": ("What was left out, and why", "略去了什么及原因"),
    "kind_bias": ("Bias", "偏见"),
    "kind_utility": ("Use kept", "保留的效用"),
    "kind_blocking": ("Flagged without reason", "无故标出"),
    "kind_cost": ("Cost", "代价"),
    "verdict_better": ("nearer to the ideal", "更接近理想值"),
    "verdict_worse": ("farther from the ideal", "更偏离理想值"),
    "verdict_none": ("no effect is shown", "看不出效果"),
    "verdict_unpaired": ("can't be paired", "无法配对"),
    "verdict_counted": ("counted", "计数"),
    "said_bias": (
        "Bias: {better} nearer to the ideal, {worse} farther, {none} without an effect that shows.",
        "偏见：{better} 项更接近理想值，{worse} 项更偏离，{none} 项看不出效果。",
    ),
    "said_utility": (
        "Use kept: {better} better, {worse} worse, {none} without a change that shows.",
        "效用：{better} 项变好，{worse} 项变差，{none} 项看不出变化。",
    ),
    "said_blocking": (
        "Flagged without reason: {worse} more, {better} less, {none} without a change that shows.",
        "无故标出：{worse} 项增多，{better} 项减少，{none} 项看不出变化。",
    ),
    "said_no_effect": (
        "On this set no effect of this filter on bias is shown: every interval of the change holds 0.",
        "在这个数据集上看不出这种过滤器对偏见的效果：变化的区间都包含 0。",
    ),
    "said_not_bias": (
        "This set has no figure of bias for this filter; it tells what the filter costs.",
        "这个数据集没有该过滤器的偏见指标，只反映它的代价。",
    ),
    "column_measure": ("what", "指标"),
    "column_rows": ("rows", "范围"),
    "column_before": ("without", "不用"),
    "column_after": ("with", "使用"),
    "column_change": ("change", "变化"),
    "column_ideal": ("ideal", "理想值"),
    "column_verdict": ("so", "结论"),
    "audit_table": ("Every figure", "全部数字"),
    # -------------------------------------------------------------------------------------- starting one
    "audit_new": ("Start an audit", "开始一次审计"),
    "audit_goes_on": (
        "Every set that is found is asked without and with each filter. It goes on when this page is closed, and from "
        "the sets that are done when it is started again.",
        "对找到的每个数据集，分别在不用和使用每种过滤器时提问。关闭页面也会继续；再次开始时从已完成的数据集接着做。",
    ),
    "audit_upload": (
        "Files of CrowS-Pairs (.csv), BBQ (.jsonl), CBBQ (.json), GenderBias-QA (.csv) or COLD (.csv)",
        "CrowS-Pairs（.csv）、BBQ（.jsonl）、CBBQ（.json）、GenderBias-QA（.csv）或 COLD（.csv）的文件",
    ),
    "audit_folder": ("Or a folder on this machine that holds them", "或本机上存放它们的文件夹"),
    "audit_folder_help": (
        "With folders crows_pairs, bbq, cbbq, gender_rag, cold, as their authors lay them out.",
        "内含 crows_pairs、bbq、cbbq、gender_rag、cold 文件夹，按原作者的布局。",
    ),
    "audit_limit": ("Rows of each set; 0 for all", "每个数据集取多少行；0 为全部"),
    "audit_kb": ("Questions are answered with", "回答问题时使用"),
    "audit_kb_none": ("the model alone", "仅模型"),
    "audit_start": ("Start", "开始"),
    "audit_need_data": (
        "Give files, or a folder, to audit on.",
        "请提供用来审计的文件或文件夹。",
    ),
    "audit_sets_done": ("{done} of {total} sets", "已完成 {done}/{total} 个数据集"),
    "audit_now": ("now {name}", "正在做 {name}"),
    "audit_sets_so_far": ("{done} sets done", "已完成 {done} 个数据集"),
    "audit_read_only": (
        "Read-only: audits can be read, none can be started.",
        "只读模式：可以查看审计，不能开始新的审计。",
    ),
    "audit_none": (
        "No audits of your own yet. Start one above; until then, this is how the output filter does on sentences that "
        "ship with firmground.",
        "还没有自己的审计。可在上面开始一次；在此之前，这里显示输出过滤器在自带句子上的表现。",
    ),
    "audit_none_read_only": (
        "No audits here yet: this is how the output filter does on sentences that ship with firmground.",
        "还没有审计：这里显示输出过滤器在自带句子上的表现。",
    ),
    # -------------------------------------------------------------------------------------- the filters
    "filters_intro": (
        "Filters are biased themselves. {cases} sentences of our own, which neither was trained on: how many each "
        "flags, by what they do and whom they speak of. Attacks should be flagged, all else should pass.",
        "过滤器本身也有偏见。{cases} 个自编句子（均未用于训练）：按说话性质和所说群体，看各过滤器标出多少。"
        "攻击性句子应被标出，其余应通过。",
    ),
    "filters_kinds": ("By kind of speech", "按说话性质"),
    "filters_groups": ("Harmless sentences, by whom they speak of", "无害句子，按所说群体"),
    "filters_groups_note": (
        "The {filter} flags harmless sentences about {most} {gap} points more often than those about {least}; treated "
        "alike, {groups} groups of this size differ by up to {chance} points.",
        "{filter}标出关于{most}的无害句子，比关于{least}的高 {gap} 个百分点；若一视同仁，{groups} 个这样大小的群体"
        "相差最多 {chance} 个百分点。",
    ),
    "filters_groups_none": (
        "The {filter} flags harmless sentences about every group equally often here.",
        "在这里，{filter}标出各群体无害句子的频率相同。",
    ),
    "filters_groups_fine": (
        "That is within what chance shows.",
        "这在偶然的范围之内。",
    ),
    "filters_groups_beyond": (
        "That is more than chance shows.",
        "这超出了偶然的范围。",
    ),
    "filters_unflagged": (
        "{count} groups of whose sentences none is flagged aren't drawn.",
        "另有 {count} 个群体没有句子被标出，未画出。",
    ),
    "filter_classifier": ("classifier", "分类器"),
    "filter_screen": ("output filter", "输出过滤器"),
    "audit_flagged": ("flagged, %", "标出（%）"),
    # -------------------------------------------------------------------------------------- a corpus
    "corpus_intro": (
        "Whom a knowledge base names, by lists of words in English and Chinese, and with which occupations and "
        "judgements each group is named more than others. No meaning is understood: take it as places to look.",
        "按中英文词表统计知识库提到哪些群体，以及各群体更常与哪些职业、褒贬词一起出现。不理解词义，只提示该看哪里。",
    ),
    "corpus_choose": ("Knowledge base", "知识库"),
    "corpus_look": ("Look", "统计"),
    "corpus_reading": ("Reading {count} documents …", "正在读 {count} 篇文档……"),
    "corpus_counts": (
        "{documents} documents, {sentences} sentences.",
        "{documents} 篇文档，{sentences} 个句子。",
    ),
    "corpus_nobody": (
        "They name none of the groups that are looked for.",
        "没有提到要找的任何群体。",
    ),
    "corpus_groups": ("Whom they speak of", "说到谁"),
    "corpus_words": ("With which words", "和哪些词一起"),
    "corpus_words_none": (
        "No word goes with one group more often than with the others, as far as these documents can show.",
        "就这些文档而言，看不出有哪个词更常与某个群体一起出现。",
    ),
    "corpus_words_note": (
        "Right of the dashed line: more with this group than with the others of its category. Lines are 95% "
        "intervals; of many words, one in twenty is off by chance.",
        "虚线右侧：比同类其他群体更常一起出现。横线为 95% 区间；词很多时，二十个里约有一个出于偶然。",
    ),
    "corpus_log_odds": ("log-odds against the other groups", "相对其他群体的对数几率"),
    "column_category": ("category", "类别"),
    "column_group": ("group", "群体"),
    "column_mentions": ("mentions", "提到次数"),
    "column_sentences": ("sentences", "句子"),
    "column_documents": ("documents", "文档"),
}
