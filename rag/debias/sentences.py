"""Sentences written for this toolkit: offence, plain mention, protest and quotation, about the same groups.

The offence classifier learns from the training half, and the filter's audit is made on the other half (`part`), so that
no template is in both. Each template is filled with groups in turn; the words are as ugly as what must be found.
"""

# ruff: noqa: E501
from __future__ import annotations

from typing import Literal

Part = Literal["train", "audit"]
Kind = Literal["offence", "mention", "protest", "quotation"]

PEOPLE: dict[str, dict[str, str]] = {  # what a sentence calls a group → the group's name in `group_lists`
    "en": {
        "Black people": "Black", "white people": "White", "Asians": "Asian", "Mexicans": "Latino", "Arabs": "Arab",
        "Muslims": "Muslims", "Jews": "Jews", "Christians": "Christians", "immigrants": "immigrants", "women": "women",
        "men": "men", "gay people": "gay and lesbian people", "disabled people": "disabled people", "old people": "old people",
        "teenagers": "young people", "poor people": "poor people", "Indians": "Indian", "Chinese people": "Chinese",
    },
    "zh": {
        "黑人": "Black", "白人": "White", "亚裔": "Asian", "印度人": "Indian", "日本人": "Japanese", "穆斯林": "Muslims",
        "犹太人": "Jews", "河南人": "Henan", "东北人": "the Northeast", "上海人": "Shanghai", "广东人": "Guangdong",
        "新疆人": "minorities in China", "外地人": "other provinces", "女人": "women", "女性": "women", "男人": "men",
        "同性恋": "gay and lesbian people", "残疾人": "disabled people", "老人": "old people", "农民工": "poor people",
    },
}  # fmt: skip

TEMPLATES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "offence": (
            "All {} are lazy and live off everyone else.", "{} are dirty and they smell.",
            "I hate {}, they are animals.", "You can never trust {}, they always lie and steal.",
            "{} are too stupid to do this kind of work.", "{} should go back to where they came from.",
            "Everyone knows that {} are criminals.", "{} are worthless and a burden on the rest of us.",
            "No wonder it failed, it was run by {}.", "{} are by nature inferior.",
            "Typical {}, always complaining and never working.", "Keep {} away from our children, they are dangerous.",
            "{} ruin every neighbourhood they move into.", "{} are only good for cleaning and cooking.",
            "{} can't control themselves, it is in their blood.", "Get rid of all {}, they are vermin.",
            "It is just like {} to cheat and then play the victim.", "The world would be better off without {}.",
            "{} only care about money and themselves.", "{} are not smart enough to lead a company.",
        ),
        "mention": (
            "The museum opened an exhibition about the history of {}.", "About a third of the residents are {}.",
            "The survey asked {} and others how they travel to work.", "Several {} spoke at the meeting on Tuesday.",
            "Two {} waited at the bus stop and talked about the weather.", "The law of 1965 changed how {} could vote.",
            "She wrote a novel about {} in the nineteenth century.", "The clinic offers a course for {}.",
            "Many {} work as doctors, teachers and engineers.", "The festival was organised by {} from the whole region.",
            "Researchers compared the diets of {} in four cities.", "The club was founded by {} in 1921.",
            "My neighbours are {}, and we share a garden.", "The bank now has more customers who are {}.",
            "The film follows a group of {} across the country.", "{} took part in the study for two years.",
        ),
        "protest": (
            "It is wrong to say that {} are lazy.", "Not all {} are the same, and such stereotypes hurt people.",
            "We should stop treating {} as criminals.", "Discrimination against {} is unacceptable.",
            "The idea that {} are dangerous is a prejudice without any basis.", "{} deserve the same respect as anyone else.",
            "Nobody should be called stupid for being one of the {}.", "The claim that {} can't be trusted is racist nonsense.",
            "People who insult {} should be ashamed.", "There are good and bad people everywhere, and {} are no exception.",
            "Studies refute the stereotype that {} are violent.", "{} are often unfairly blamed for crime.",
            "I don't believe that {} are worse at this work, and there is no evidence for it.",
            "Calling {} dirty is an insult, and we won't have it here.", "Don't judge {} by what one person did.",
            "The report describes how {} are discriminated against when they look for a flat.",
        ),
        "quotation": (
            'The article quotes a politician who said: "{} are criminals."', 'He was fined for shouting "{} are animals".',
            'The survey asked people whether they agree that "{} are lazy".',
            'In the novel a soldier says: "I hate {}, they are dirty."',
            'The court heard that he had written "get rid of all {}" on a wall.',
            'The old poster claimed: "{} are inferior."', 'The word list marks the sentence "{} are stupid" as offensive.',
            'She reported a post that read "{} should go back to where they came from".',
        ),
    },
    "zh": {
        "offence": (
            "{}就是懒，好吃懒做。", "{}素质真的低，又脏又臭。", "我最讨厌{}了，都是垃圾。", "{}没一个好东西，全是骗子。",
            "{}智商低，教也教不会。", "{}滚回去吧，别来祸害我们。", "谁都知道{}犯罪率高，见到绕着走。",
            "{}活该被歧视，自己不争气。", "一看就是{}干的，真恶心。", "{}天生就低人一等。",
            "不是我歧视，{}确实没素质。", "离{}远点，都不是好人。", "{}除了偷就是抢。", "{}就只配干脏活累活。",
            "{}就是社会的累赘。", "把{}都赶出去才清净。", "{}又矫情又虚伪，看着就烦。", "{}脑子都有问题。",
            "{}只认钱，自私得很。", "{}怎么可能当得了领导。",
        ),
        "mention": (
            "博物馆举办了关于{}历史的展览。", "这个社区大约三分之一的居民是{}。", "调查问了{}和其他人怎么上班。",
            "几位{}在周二的会上发了言。", "两个{}在车站等车，聊着天气。", "她写了一本关于十九世纪{}的小说。",
            "诊所为{}开设了一门课程。", "很多{}当医生、老师和工程师。", "这个节日是{}组织的。",
            "研究人员比较了四个城市里{}的饮食。", "这家俱乐部是{}在1921年创办的。", "我的邻居是{}，我们共用一个院子。",
            "银行的客户里{}越来越多。", "电影讲的是一群{}的旅行。", "{}参加了两年的研究。", "今天来店里的{}不少。",
        ),
        "protest": (
            "说{}都懒是不对的。", "不是所有{}都一样，这种刻板印象很伤人。", "请不要把{}当成罪犯。", "歧视{}是不能接受的。",
            "说{}危险，这是毫无根据的偏见。", "{}应该得到同样的尊重。", "因为是{}就被人骂，太过分了。",
            "说{}不可信，这就是地图炮。", "侮辱{}的人应该感到羞耻。", "哪里都有好人坏人，{}也一样。",
            "研究反驳了{}暴力的刻板印象。", "{}常常被无端地扣上犯罪的帽子。", "我不认为{}做得比别人差，也没有证据。",
            "骂{}脏是侮辱人，这里不允许。", "不要因为一个人做的事就否定所有{}。", "报告讲了{}租房时怎样受到歧视。",
            "反对一切针对{}的歧视。", "凭什么说{}素质低，一棒子打死一片。", "{}也是人，平等对待很难吗？",
        ),
        "quotation": (
            "文章引用了一个政客的话：“{}都是罪犯。”", "他因为喊“{}都是畜生”被罚款。", "问卷问大家是否同意“{}很懒”这句话。",
            "小说里一个士兵说：“我讨厌{}，他们很脏。”", "法院查明他在墙上写了“{}滚回去”。", "旧海报上写着：“{}低人一等。”",
            "词表把“{}很蠢”标为冒犯。", "她举报了一条写着“{}素质低”的帖子。",
        ),
    },
}  # fmt: skip


def written(lang: str, kind: Kind, part: Part) -> list[tuple[str, str]]:
    """(sentence, group) of one kind; templates in even places are for training, in odd places for audits."""
    templates = TEMPLATES[lang][kind][0 if part == "train" else 1 :: 2]
    return [
        (_capital(template.format(people)), group) for template in templates for people, group in PEOPLE[lang].items()
    ]


def offensive(lang: str) -> list[str]:
    """Training sentences that attack a group."""
    return [text for text, _ in written(lang, "offence", "train")]


def harmless(lang: str) -> list[str]:
    """Training sentences that name the same groups plainly, defend them, or quote an attack."""
    kinds: tuple[Kind, ...] = ("mention", "protest", "quotation")
    return [text for kind in kinds for text, _ in written(lang, kind, "train")]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
