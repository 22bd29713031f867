"""What the view of runs says."""

from __future__ import annotations

RUNS: dict[str, tuple[str, str]] = {
    "run_new": ("Start a comparison", "开始一次对比评测"),
    "run_questions": ("Questions", "问题"),
    "run_questions_pack": ("{name} (bundled)", "{name}（自带）"),
    "run_upload": (
        "JSON or JSONL: your own (question, answers) or a public set's own format",
        "JSON 或 JSONL：自己的（question、answers）或公开数据集的原格式",
    ),
    "run_arms": ("Ways to answer; the first is the baseline", "回答方式；第一个是基准"),
    "run_limit": ("At most so many questions", "最多多少个问题"),
    "run_start": ("Start", "开始"),
    "run_need_questions": ("Choose a question file first.", "请先选择问题文件。"),
    "run_need_arms": ("Pick at least two ways to answer.", "请至少选两种回答方式。"),
    "run_goes_on": (
        "It goes on when this page is closed.",
        "关闭页面也会继续。",
    ),
    "run_none": (
        "No runs yet. Start one above: every question is asked each way, and the report says with intervals what "
        "retrieval fixed and what it broke.",
        "还没有评测。在上面开始一次：每个问题按各种方式回答，报告会给出检索改对了多少、改错了多少及其区间。",
    ),
    "run_state_running": ("running", "进行中"),
    "run_state_done": ("finished", "已完成"),
    "run_state_stopped": ("stopped; can go on", "已停止，可继续"),
    "run_state_failed": ("failed", "失败"),
    "run_progress": ("{done} of {total} questions", "第 {done}/{total} 个问题"),
    "run_left": ("about {minutes} min left", "大约还需 {minutes} 分钟"),
    "run_stop": ("Stop", "停止"),
    "run_resume": ("Go on", "继续"),
    "run_open": ("Run", "评测"),
    "run_against": ("Compare with", "与另一次对比"),
    "run_against_none": ("no other", "不对比"),
    "run_headline": ("In short", "概要"),
    "run_report": ("The whole report", "完整报告"),
    "run_exports": ("Take it with you", "导出"),
    "run_rate": ("share of questions, %", "问题占比（%）"),
    "run_right": ("right", "正确"),
    "run_hallucinated": ("hallucinated", "幻觉"),
    "run_abstained": ("abstained", "未作答"),
    "run_intervals": ("Lines are 95% intervals, {n} questions.", "横线为 95% 区间，{n} 个问题。"),
    "run_failed_rows": (
        "{count} answers failed and are counted apart; “go on” tries them again.",
        "{count} 个回答失败，单独计数；点“继续”会重试。",
    ),
}
