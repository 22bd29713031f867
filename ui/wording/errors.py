"""What Chinese says for errors, and for what `doctor` finds: the engine's lines are English. Those that are met most on
the page are said in Chinese here; of any other error, a Chinese line says of what kind it is and what to do about it.
"""

from __future__ import annotations

import re
from typing import Literal

# (how an English line begins or what stands in it, the same in Chinese)
SAID: tuple[tuple[str, str], ...] = (
    # ------------------------------------------------------------------------------- knowledge bases and documents
    (r"no knowledge base at (?P<path>.+?): check the path", "{path} 没有知识库：请检查路径，或在“知识库”页新建一个。"),
    (r"(?P<path>\S+) is being written by", "{path} 正在被另一个程序写入：等它结束后再试。"),
    (r"(?!.*(train|fetch) it again)(?P<path>.+?) is damaged", "{path} 已损坏：请用副本恢复，或删除这个文件夹，"
     "重新导入文档。"),
    (r"(?P<path>.+?) can't be read or written", "{path} 读不了或写不了：请检查磁盘是否已满，以及访问权限。"),
    (r"(?P<path>.+?) stayed locked for", "{path} 一直被占用：请稍后再试。"),
    (r"(?P<path>.+?) was made with encoder (?P<name>\S+)", "{path} 是用编码器 {name} 建的：请继续用它，或新建知识库。"),
    (r"(?P<path>.+?) has format .+ upgrade it", "{path} 是由更新版本的 firmground 建的：请先升级 firmground。"),
    (r"unknown pack", "没有这个知识包：请从列表里选一个。"),
    (r"no document (?P<name>.+) in ", "文档 {name} 已不在知识库里，可能刚被删除：请重新提问。"),
    (r"(?P<path>.+?) is empty: there is nothing to index", "{path} 是空的，没有可导入的内容。"),
    (r"(?P<path>.+?) is empty: it holds no rows", "{path} 是空的，没有任何行。"),
    (r"(?P<path>.+?) has no text in it", "{path} 里没有文字，没有可导入的内容。"),
    (r"(?P<path>.+?) has no text layer", "{path} 只有图像，没有文字：请先做文字识别（例如 ocrmypdf in.pdf out.pdf）。"),
    (r"(?P<path>.+?) is a broken (?P<kind>PDF|docx)", "{path} 是损坏的 {kind} 文件：请打开后重新保存。"),
    (r"(?P<path>.+?) is encrypted", "{path} 已加密：请保存一份没有密码的副本。"),
    (r"(?P<path>.+?) has no column with the text", "{path} 没有放正文的列：请在第一行把它命名为 text。"),
    (r"no column with the text", "这一行没有正文：请把正文放在名为 text 的列里。"),
    (r"(?P<path>.+?), line (?P<line>\d+): isn't valid JSON", "{path} 第 {line} 行不是有效的 JSON。"),
    (r"(?P<path>.+?) isn't text:", "{path} 不是文本文件，或编码不能识别："
     "请另存为 UTF-8。"),
    # ------------------------------------------------------------------------------------- questions, runs, audits
    (r"(?P<path>.+?) is empty: expected questions", "{path} 是空的：里面应当有问题。"),
    (r"(?P<path>.+?): no question in it", "{path} 里没有读得出的问题：每行应当是一个 JSON 对象，"
     "含 question 和 answers。"),
    (r"(?P<path>.+?):(?P<line>\d+): not JSON", "{path} 第 {line} 行不是 JSON：请改正后重新上传。"),
    (r"(?P<path>.+?): not JSON", "{path} 不是 JSON：请改正后重新上传。"),
    (r"(?P<path>.+?) isn't \S+ text", "{path} 的编码不能识别：请另存为 UTF-8。"),
    (r"(?P<path>.+?): its first record has the fields", "{path} 的格式不能识别：每行应当是一个 JSON 对象，"
     "含 question 和 answers，或是公开数据集的原格式。"),
    (r"(?P<path>.+?) is a folder; expected a question file", "{path} 是文件夹，这里需要问题文件。"),
    (r"no question file (?P<path>.+?);", "没有问题文件 {path}：请检查路径。"),
    (r"can't read (?P<path>.+?) as the table of an audit", "{path} 不是审计结果，或已损坏：请重新开始一次审计。"),
    (r"can't read (?P<path>.+?)(:| \()", "{path} 读不出来：文件可能缺失或已损坏。可以删除这个文件夹，重新运行。"),
    (r"(?P<path>\S+?):(?P<line>\d+): not an outcome", "{path} 第 {line} 行不是评测结果：文件已损坏或来自其他版本，"
     "请重新运行。"),
    (r"(?P<path>.+?) isn't what a run has", "{path} 不是评测的说明文件：请重新运行，或删除这个文件夹。"),
    (r"(?P<path>.+?) is of another version .+ make it anew: (?P<command>.+)",
     "{path} 来自其他版本，请在终端重新生成：{command}"),
    (r"(?P<path>.+?) has changed meanwhile", "{path} 刚刚变动过：请重新打开这次评测。"),
    (r"there is one called (?P<name>.+?) already", "已经有叫 {name} 的了：请换个名称。"),
    (r"(?P<name>.+?) is at work already", "{name} 正在进行中。"),
    (r"another process is writing to (?P<path>.+?);", "另一个程序正在写入 {path}：请等它结束。"),
    (r"(?P<path>.+?) isn't a folder; expected one that holds", "{path} 不是文件夹：这里需要存放数据集的文件夹，"
     "内含 crows_pairs、bbq、cbbq、gender_rag 或 cold。"),
    (r"(?P<path>.+?) holds none of the sets", "{path} 里没有任何已知的数据集：应当按原作者的布局，内含 "
     "crows_pairs、bbq、cbbq、gender_rag 或 cold 文件夹。"),
    (r"(?P<path>.+?) is of no set that is known", "{path} 不属于任何已知的数据集：可用 CrowS-Pairs、BBQ、CBBQ、"
     "GenderBias-QA 或 COLD 的文件。"),
    (r".+: the questions differ: ", "这两次评测的问题不同，不能对比：请对比同一批问题的评测。"),
    (r".+: the documents differ: ", "这两次评测的文档不同，不能对比：请对比同一知识库的评测。"),
    (r"the runs have no arm of the same name", "这两次评测没有相同的回答方式，不能对比。"),
    # ------------------------------------------------------------------------------------------- models and options
    (r"the weights of (?P<name>.+?) aren't on this machine; fetch them with: (?P<command>.+)",
     "模型 {name} 还不在这台机器上，请在终端运行：{command}"),
    (r"(?P<name>hf:\S+) isn't in the hub's cache here; fetch it with: (?P<command>.+)",
     "模型 {name} 还不在这台机器上，请在终端运行：{command}"),
    (r"unknown model '(?P<name>.+?)'", "没有叫 {name} 的模型：请从列表里选，或填 hf:组织/名称、模型文件夹的路径。"),
    (r"(?P<path>.+?) is a folder without config.json", "{path} 里没有 config.json：请填保存模型的文件夹。"),
    (r"no language model could be loaded from (?P<path>.+?) \(", "{path} 里载入不了语言模型：应当有 config.json、"
     "分词器和 safetensors 权重。"),
    (r"expected a filter such as", "筛选条件应当是 JSON 对象，例如 {{\"topic\": \"optics\"}}。"),
    (r"samples = (?P<count>\d+) need a temperature", "候选草稿数为 {count} 时，温度须大于 0（常用 0.7）。"),
    (r"beams = (?P<count>\d+) go with neither", "集束宽度为 {count} 时不能同时使用对比或候选草稿：请只用其一。"),
    (r"the prompt has (?P<count>\d+) tokens and \d+ are to come, (?P<name>.+?) reads (?P<most>\d+):",
     "问题和资料共 {count} 个词元，{name} 最多读 {most} 个：请缩短问题，或少给些资料。"),
    (r"the arm .+ needs a generator", "这种回答方式需要语言模型：请选一个，或改用“原文摘录”。"),
    (r"(?P<name>.+?) tells no log-probabilities", "{name} 不提供对数概率：偏见审计需要本机的 transformers 模型。"),
    (r"reasons need log-probabilities, which (?P<name>.+?) doesn't tell", "{name} 不提供对数概率，无法说明原因："
     "请改用本机的 transformers 模型。"),
    (r"attention over", "这个回答太长，注意力图放不下：请解释短一些的回答，或关掉注意力。"),
    (r"the answer is empty", "回答是空的，没有可解释的内容。"),
)  # fmt: skip

# By the error's class, for what isn't said above.
KINDS = {
    "InputError": "给出的内容用不了：请按下面的说明检查路径、文件或名称。",
    "WeightsMissing": "模型还没有下载到这台机器：请在终端运行下面给出的命令。",
    "KnowledgeBaseError": "知识库打不开或写不了：可能正被占用、已损坏，或是用另一个编码器建的。",
    "MissingExtra": "缺少一个可选的软件包：请在终端运行下面的 pip 命令，再重新启动页面。",
    "": "程序没有完成：请看下面的说明。",
}  # fmt: skip
ORIGINAL = "原文：{line}"


# What `doctor` finds, and its advice. Commands stay as they are typed.
FOUND: tuple[tuple[str, str], ...] = (
    (r"cores$", "处理器核心"), (r"disk$", "磁盘"), (r"gpu$", "GPU"), (r"weights (?P<name>.+)", "模型 {name}"),
    (r"knowledge base (?P<path>.+)", "知识库 {path}"),
    (r"(?P<count>\d+) for this process, (?P<more>.+)", "本进程可用 {count} 个，{more}"),
    (r"none: models run on the CPU", "没有：模型在 CPU 上运行"),
    (r"there is a driver, but torch sees no GPU", "有驱动，但 torch 找不到 GPU"),
    (r"(?P<size>[\d.]+) GB free at (?P<path>.+)", "{path} 剩余 {size} GB"),
    (r"not fetched", "未下载"),
    (r"not installed", "未安装"),
    (r"can't be imported \((?P<why>.+)\)", "无法导入（{why}）"),
    (r"can't be opened", "打不开"),
    (r"use Python 3.11 to 3.13", "请用 Python 3.11 至 3.13"),
    (r"install a CUDA build of torch: see (?P<where>.+)", "请安装支持 CUDA 的 torch：见 {where}"),
    (r"keep one: (?P<command>pip uninstall .+?), then install", "只留一个：{command}，然后安装 firmground[cpu] 或 "
     "firmground[gpu]"),
    (r"(?P<one>pip install .+?) \(or (?P<other>.+) with CUDA\)", "{one}（有 CUDA 时用 {other}）"),
    (r"for `firmground ui`: (?P<command>.+)", "供 firmground ui 使用：{command}"),
    (r"free some space, or set FIRMGROUND_CACHE", "请清理空间，或把 FIRMGROUND_CACHE 设为另一块磁盘上的文件夹"),
)  # fmt: skip


def in_chinese(line: str, table: tuple[tuple[str, str], ...] = SAID) -> str | None:
    """A line of the engine's in Chinese, where it is among those that are said here."""
    for pattern, words in table:
        if found := re.match(pattern, line, re.DOTALL):
            return words.format(**found.groupdict())
    return None


def finding(line: str, language: Literal["en", "zh"]) -> str:
    """What `doctor` says, in a language; versions and paths stay as they are."""
    return line if language == "en" else in_chinese(line, FOUND) or line


def reason(line: str, language: Literal["en", "zh"]) -> str:
    """Why a file couldn't be read, in a language; in English where it isn't among what is said here."""
    return line if language == "en" else in_chinese(line) or line


def explained(line: str, kind: str = "") -> str:
    """An English line so that a Chinese reader knows what to do; the line itself stands below. `kind`: its class."""
    words = in_chinese(line) or KINDS.get(kind, KINDS[""])
    return f"{words}\n{ORIGINAL.format(line=line)}"
