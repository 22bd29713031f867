"""What stands around every view: their names, the door, settings, and how errors begin."""

from __future__ import annotations

FRAME: dict[str, tuple[str, str]] = {
    "view_compare": ("Compare", "对比回答"),
    "view_knowledge": ("Knowledge", "知识库"),
    "view_runs": ("Runs", "评测"),
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
    "machine": ("This machine", "这台机器"),
    "machine_note": ("The same as “firmground doctor” prints.", "与命令 `firmground doctor` 的结果相同。"),
    "machine_looking": ("Looking at what this machine has …", "正在检查这台机器……"),
    "check_ok": ("fine", "正常"),
    "check_note": ("note", "提示"),
    "check_problem": ("problem", "有问题"),
    "column_what": ("what", "项目"),
    "column_state": ("state", "状态"),
    "column_found": ("found", "结果"),
    "column_remedy": ("what to do", "怎么办"),
    "models": ("Models", "模型"),
    "models_note": (
        "What can be had by name, and whether it is on this machine. Nothing is downloaded from this page: "
        "run “firmground weights NAME” in a terminal.",
        "可以按名称使用的模型，以及是否已在这台机器上。页面本身不下载任何东西："
        "请在终端运行 “firmground weights 名称”。",
    ),
    "column_model": ("model", "模型"),
    "column_kind": ("kind", "种类"),
    "column_languages": ("languages", "语言"),
    "column_here": ("on this machine", "已在本机"),
    "kind_encoder": ("encoder", "编码器"),
    "kind_generator": ("language model", "语言模型"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "workspace": ("Workspace", "工作目录"),
    "workspace_note": (
        "Knowledge bases, question files, runs and your marks on answers are kept in this folder: {folder}",
        "知识库、问题文件、评测结果和你对答案的评价都保存在这个文件夹：{folder}",
    ),
    "theme_note": (
        "Light or dark follows your system; the menu at the top right changes it.",
        "明暗主题跟随系统，也可以在右上角菜单里切换。",
    ),
}
