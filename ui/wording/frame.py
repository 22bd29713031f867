"""What stands around every view: their names and the door."""

from __future__ import annotations

FRAME: dict[str, tuple[str, str]] = {
    "view_compare": ("Compare", "对比回答"),
    "view_knowledge": ("Knowledge", "知识库"),
    "view_runs": ("Runs", "评测"),
    "view_audit": ("Audit", "偏见审计"),
    "view_settings": ("Settings", "设置"),
    "access": ("Access token", "访问令牌"),
    "access_hint": (
        "This page was started with a token; whoever started it can tell you.",
        "这个页面需要令牌才能打开，请向启动它的人索取。",
    ),
    "access_wrong": ("That isn't the token.", "令牌不对。"),
    "access_enter": ("Open", "进入"),
    "read_only": (
        "Read-only: nothing here can be added, changed or deleted.",
        "只读模式：不能添加、修改或删除任何内容。",
    ),
    # Of charts.
    "figure_value": ("value", "数值"),
    "figure_low": ("at least", "下限"),
    "figure_high": ("at most", "上限"),
}
