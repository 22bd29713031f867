"""What the view of settings says."""

from __future__ import annotations

SETTINGS: dict[str, tuple[str, str]] = {
    "settings_own": (
        "What you choose here counts for you alone, until this page is closed, and for questions asked from now on.",
        "这里的选择只对你自己有效，直到关闭页面；从下一个问题起生效。",
    ),
    "model_title": ("Language model", "语言模型"),
    "model_in_use": ("In use", "正在使用"),
    "model_kind": ("Where it comes from", "来源"),
    "model_here": ("On this machine", "本机"),
    "model_hub": ("Hub", "模型库"),
    "model_folder": ("Folder", "文件夹"),
    "model_chat": ("Provider", "服务商"),
    "model_server": ("Own server", "自建服务"),
    "model_here_note": (
        "Works offline. Others are fetched in a terminal: firmground weights NAME.",
        "可离线使用。其他模型在终端获取：firmground weights 名称。",
    ),
    "model_hub_note": (
        "From the Hugging Face cache of this machine; fetched first by: firmground weights hf:organisation/name.",
        "取自本机的 Hugging Face 缓存；须先获取：firmground weights hf:组织/名称。",
    ),
    "model_folder_note": (
        "A folder with config.json, as transformers saves a model.",
        "含 config.json 的文件夹，即 transformers 保存的模型。",
    ),
    "model_chat_note": (
        "Needs pip install 'firmground[chat]' {package}. Questions and evidence are sent to this provider.",
        "需要 pip install 'firmground[chat]' {package}。问题和依据会发送给该服务商。",
    ),
    "model_server_note": (
        "Any server that speaks OpenAI's protocol (vLLM, Ollama, llama.cpp …). Needs pip install 'firmground[chat]' "
        "langchain-openai. Questions and evidence are sent there.",
        "任何兼容 OpenAI 协议的服务（vLLM、Ollama、llama.cpp 等）。需要 pip install 'firmground[chat]' "
        "langchain-openai。问题和依据会发送到那里。",
    ),
    "key_set": (
        "Its key is read from {variable}, which is set.",
        "密钥从环境变量 {variable} 读取，已设置。",
    ),
    "key_missing": (
        "Its key is read from {variable}, which isn't set: set it before “firmground ui” is started. This page never "
        "asks for a key.",
        "密钥从环境变量 {variable} 读取，尚未设置：请在启动 “firmground ui” 之前设置。页面从不索要密钥。",
    ),
    "key_optional": (
        "If it wants a key, set {variable} before “firmground ui” is started. This page never asks for a key.",
        "如果它需要密钥，请在启动 “firmground ui” 之前设置环境变量 {variable}。页面从不索要密钥。",
    ),
    "key_none": ("It needs no key.", "不需要密钥。"),
    "key_unknown": (
        "If it wants a key, its package says which variable to set before “firmground ui” is started.",
        "如果它需要密钥，请查看其软件包说明，并在启动 “firmground ui” 之前设置相应的环境变量。",
    ),
    "model_name_here": ("Model", "模型"),
    "model_name_hub": ("organisation/name", "组织/名称"),
    "model_name_folder": ("Path of the folder", "文件夹路径"),
    "model_provider": ("Provider", "服务商"),
    "model_name_chat": ("Its name for the model", "该服务商的模型名"),
    "model_address": ("Address, with /v1", "地址（含 /v1）"),
    "model_use": ("Use this model", "使用这个模型"),
    "model_loading": ("Loading the model …", "正在载入模型……"),
    "model_ready": ("Ready: {name}", "已就绪：{name}"),
    "model_need_name": ("Fill in which model.", "请填写模型。"),
    "model_read_only": (
        "Read-only: models that are on this machine can be used, no others.",
        "只读模式：只能使用本机已有的模型。",
    ),
    "options_retrieval": ("How evidence is found", "怎样查找依据"),
    "options_decoding": ("How answers are written", "怎样写出回答"),
    "options_reset": ("Reset to defaults", "恢复默认"),
    "options_refused": ("Not taken over: {problem}", "未采用：{problem}"),
    "option_as_is": ("as the way of answering has it", "按各回答方式的默认"),
    "option_retrieve": ("Search by", "检索方式"),
    "option_retrieve_help": (
        "By meaning finds other wordings, by words finds names and numbers; both together miss least.",
        "按语义能找到不同的说法，按词语能找到名称和数字；两者结合遗漏最少。",
    ),
    "option_num_passages": ("Passages found", "检索段落数"),
    "option_num_passages_help": (
        "More seldom miss the answer, but cost time and distract small models.",
        "越多越不易漏掉答案，但更慢，也会干扰小模型。",
    ),
    "option_where": ("Only documents that pass this filter", "只用符合条件的文档"),
    "option_where_help": (
        'On what came with a document, as JSON: {{"topic": "optics"}}, {{"year": {{"$gte": 2020}}}}. It holds inside '
        "the search, for answers and verdicts.",
        '按文档附带的信息筛选，写成 JSON：{{"topic": "optics"}}、{{"year": {{"$gte": 2020}}}}。'
        "在检索中生效，回答与判定都遵守。",
    ),
    "option_max_new_tokens": ("Longest answer, tokens", "回答最长（词元）"),
    "option_max_new_tokens_help": (
        "Where writing is cut off at the latest; a token is about three quarters of an English word.",
        "最多写这么长；一个汉字约一到两个词元。",
    ),
    "option_beams": ("Beams", "集束宽度"),
    "option_beams_help": (
        "So many drafts are kept beside each other and the likeliest is given; slower by as much.",
        "同时保留这么多份草稿，取最可能的一份；相应变慢。",
    ),
    "option_temperature": ("Temperature", "温度"),
    "option_temperature_help": (
        "0 takes the likeliest token each time; above 0 it is drawn, and more varied the higher.",
        "0：每次取最可能的词元；大于 0：随机抽取，越高越多样。",
    ),
    "option_top_p": ("Top p", "核采样 top p"),
    "option_top_p_help": (
        "Where tokens are drawn, only from the likeliest that have this much probability together.",
        "随机抽取时，只从合计概率达到此值的最可能词元中抽。",
    ),
    "option_contrast": ("Contrast with no evidence", "与无依据对比"),
    "option_contrast_help": (
        "Favours what the evidence makes likelier than the model alone would (0.5 is usual); twice the work.",
        "偏向因依据而更可能的词元（常用 0.5）；计算量加倍。",
    ),
    "option_samples": ("Drafts to choose from", "候选草稿数"),
    "option_samples_help": (
        "So many are drawn and the one that the evidence supports best is given; needs a temperature above 0.",
        "抽取这么多份，给出最受依据支持的一份；温度须大于 0。",
    ),
    "arms_now": ("What the ways of answering do now", "各回答方式目前的设置"),
    "arms_now_note": ("Changed by you: marked with *.", "你改动过的以 * 标出。"),
    "column_arm": ("way", "方式"),
    "column_search": ("search", "检索"),
    "column_passages": ("passages", "段落"),
    "column_tokens": ("tokens", "词元"),
    "column_beams": ("beams", "集束"),
    "column_temperature": ("temperature", "温度"),
    "column_top_p": ("top p", "top p"),
    "column_contrast": ("contrast", "对比"),
    "column_samples": ("drafts", "草稿"),
    "search_none": ("none", "不检索"),
    "encoder_title": ("Encoder", "编码器"),
    "encoder_new": ("For new knowledge bases", "用于新建的知识库"),
    "encoder_note": (
        "Turns texts into vectors. A knowledge base keeps the one it was made with; {chinese} reads Chinese.",
        "把文字变成向量。知识库一直使用创建时的编码器；中文请用 {chinese}。",
    ),
    "machine": ("This machine", "这台机器"),
    "machine_note": ("The same as “firmground doctor” prints.", "与命令 “firmground doctor” 的结果相同。"),
    "machine_looking": ("Looking at what this machine has …", "正在检查这台机器……"),
    "device": ("Models run on", "模型运行于"),
    "device_auto": ("a GPU where there is one", "有 GPU 就用 GPU"),
    "device_note": (
        "Language model and encoder are loaded there for your next question.",
        "下一个问题起，语言模型和编码器在那里载入。",
    ),
    "check_ok": ("fine", "正常"),
    "check_note": ("note", "提示"),
    "check_problem": ("problem", "有问题"),
    "column_what": ("what", "项目"),
    "column_state": ("state", "状态"),
    "column_found": ("found", "结果"),
    "column_remedy": ("what to do", "怎么办"),
    "models": ("Models by name", "可按名称使用的模型"),
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
    "all_languages": ("many", "多种"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "workspace": ("Workspace", "工作目录"),
    "workspace_note": (
        "Knowledge bases, question files, runs, audits and your marks on answers are kept in this folder: {folder}",
        "知识库、问题文件、评测结果、审计结果和你对答案的评价都保存在这个文件夹：{folder}",
    ),
    "theme_note": ("Light or dark follows your system's setting.", "明暗主题跟随系统设置。"),
}
