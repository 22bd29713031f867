"""The words that audits and filters know people by: groups, occupations, judgements. Data alone, written for this
toolkit; nothing here says that a word is a good way to speak of anybody.

English words are singular and lower-case, `groups.py` adds plurals; "~" ends a word that is matched as it stands.
Chinese words are matched anywhere, the longest first. A group that a text names in another way isn't seen.
"""

# ruff: noqa: E501

# category → group → (English, Chinese)
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "gender": {
        "women": (
            "woman~ women~ female girl lady wife mother mom mum daughter sister grandmother grandma aunt niece bride "
            "girlfriend widow actress waitress housewife schoolgirl",
            "女人 女性 女生 女孩 女孩子 女子 女士 女儿 女的 女司机 女博士 妇女 母亲 妈妈 妻子 老婆 姐姐 妹妹 奶奶 外婆 阿姨 姑娘 少女 女友 女朋友 媳妇 寡妇",
        ),
        "men": (
            "man~ men~ male boy gentleman~ gentlemen~ husband father dad son brother grandfather grandpa uncle nephew "
            "groom boyfriend widower schoolboy guy",
            "男人 男性 男生 男孩 男孩子 男子 先生 儿子 男的 父亲 爸爸 丈夫 老公 哥哥 弟弟 爷爷 外公 叔叔 小伙子 少年 男友 男朋友",
        ),
        "non-binary": (
            "transgender~ transwoman transman nonbinary~ non-binary~ transsexual trans~",
            "跨性别 跨性别者 变性人 非二元性别",
        ),
    },
    "race": {
        "Black": (
            "black~ blacks~ african african-american negro afro-american", "黑人 黑种人 非洲人 非裔 非洲裔 老黑 黑叔叔",
        ),
        "White": ("white~ whites~ caucasian", "白人 白种人 欧洲人"),
        "Asian": ("asian oriental asian-american", "亚裔 亚洲人 黄种人 华裔 华人 东亚人"),
        "Latino": (
            "hispanic latino latina latinx~ mexican puerto-rican cuban colombian guatemalan",
            "拉丁裔 墨西哥人 拉美人",
        ),
        "Arab": ("arab arabian middle-easterner middle-eastern~ iranian iraqi syrian persian", "阿拉伯人 中东人 伊朗人"),
        "Indigenous": (
            "native-american indigenous~ aboriginal eskimo inuit~ navajo~ cherokee", "原住民 印第安人 土著 爱斯基摩人",
        ),
        "Roma": ("gypsy gypsies~ roma~ romani", "吉普赛人 罗姆人"),
        "minorities in China": (
            "uyghur tibetan", "少数民族 维吾尔族 维族 藏族 回族 蒙古族 壮族 苗族 彝族 满族 朝鲜族 哈萨克族 新疆人 西藏人",
        ),
    },
    "nation": {
        "Chinese": ("chinese~", "中国人 国人 大陆人 内地人"),
        "Japanese": ("japanese~", "日本人"),
        "Korean": ("korean", "韩国人 朝鲜人"),
        "Indian": ("indian", "印度人"),
        "American": ("american", "美国人"),
        "British": ("british~ englishman~ englishmen~ brit", "英国人"),
        "French": ("french~ frenchman~ frenchmen~", "法国人"),
        "German": ("german", "德国人"),
        "Italian": ("italian", "意大利人"),
        "Russian": ("russian", "俄罗斯人 俄国人"),
        "Irish": ("irish~ irishman~ irishmen~", "爱尔兰人"),
        "Polish": ("polish~", "波兰人"),
        "Vietnamese": ("vietnamese~", "越南人"),
        "Nigerian": ("nigerian ethiopian kenyan somali ghanaian", "尼日利亚人 埃塞俄比亚人"),
        "immigrants": (
            "immigrant refugee foreigner migrant asylum-seeker", "移民 难民 外国人 老外 偷渡客",
        ),
    },
    "region": {
        "Henan": ("", "河南人 河南"),
        "the Northeast": ("northeasterner", "东北人 东北 辽宁人 吉林人 黑龙江人"),
        "Shandong": ("", "山东人 山东"),
        "Sichuan": ("", "四川人 四川 川渝人 重庆人"),
        "Guangdong": ("cantonese~", "广东人 广东 广州人 潮汕人"),
        "Shanghai": ("shanghainese~", "上海人"),
        "Beijing": ("beijinger", "北京人"),
        "Hubei": ("", "湖北人 武汉人"),
        "Anhui": ("", "安徽人"),
        "Jiangsu and Zhejiang": ("", "江苏人 浙江人 苏北人 温州人 江浙人"),
        "Taiwan": ("taiwanese~", "台湾人"),
        "Hong Kong": ("hongkonger", "香港人 港人"),
        "other provinces": (
            "", "河北人 山西人 陕西人 湖南人 江西人 福建人 云南人 贵州人 广西人 甘肃人 海南人 天津人 外地人 南方人 北方人 乡下人 本地人",
        ),
    },
    "religion": {
        "Muslims": ("muslim moslem islamic~ islamist", "穆斯林 回民 伊斯兰教徒"),
        "Jews": ("jew jewish~ israeli", "犹太人"),
        "Christians": ("christian catholic protestant mormon evangelical jehovah's-witness", "基督徒 基督教徒 天主教徒"),
        "Hindus": ("hindu sikh", "印度教徒 锡克教徒"),
        "Buddhists": ("buddhist", "佛教徒"),
        "atheists": ("atheist agnostic", "无神论者"),
    },
    "age": {
        "old people": (
            "elder elderly~ senior old-man~ old-woman~ old-person~ old-people~ retiree pensioner boomer",
            "老人 老年人 老头 老太太 大爷 大妈 老年 退休老人",
        ),
        "young people": (
            "teenager teen millennial youth youngster adolescent young-person~ young-people~", "年轻人 青少年 小年轻 90后 00后",
        ),
        "middle-aged people": ("middle-aged~", "中年人 中年"),
    },
    "orientation": {
        "gay and lesbian people": (
            "gay~ gays~ lesbian homosexual bisexual queer~ same-sex~", "同性恋 同性恋者 男同 女同 双性恋 gay les lgbt",
        ),
        "straight people": ("straight-man~ straight-men~ heterosexual", "异性恋 直男 直女"),
    },
    "disability": {
        "disabled people": (
            "disabled~ handicapped~ wheelchair-user blind-person~ blind-people~ deaf-person~ deaf-people~ autistic~ amputee "
            "schizophrenic bipolar~ mentally-ill~ mentally-disabled~",
            "残疾人 残障人士 盲人 聋人 聋哑人 自闭症患者 精神病人 精神病患者 艾滋病患者 智障人士",
        ),
    },
    "class": {
        "poor people": (
            "poor-person~ poor-people~ homeless~ beggar redneck working-class~ peasant slum-dweller", "穷人 农民 农民工 农村人 乞丐 流浪汉 低学历 底层",
        ),
        "rich people": ("rich-person~ rich-people~ wealthy~ upper-class~ millionaire", "富人 有钱人 富二代 城里人"),
    },
    "looks": {
        "fat people": ("fat-person~ fat-people~ fat-woman~ fat-man~ obese~ overweight~", "胖子 胖女人 肥胖者"),
        "short people": ("short-person~ short-people~ dwarf", "矮子 矮个子"),
    },
}  # fmt: skip

# Words whose only use is to demean a group: group → (English, Chinese). Quoted or condemned, they are another matter.
SLURS: dict[str, tuple[str, str]] = {
    "Black": ("nigger nigga darkie darky jigaboo pickaninny", "黑鬼 尼哥 黑皮猪 黑畜生 黑猩猩们"),
    "White": ("honky cracker-ass white-trash~", "白皮猪 白皮狗 白鬼"),
    "Asian": ("chinks~ gook slant-eye zipperhead chinaman~ chinamen~", "东亚病夫 黄皮猴子 黄皮猪 支那人 支那猪 清虫"),
    "Latino": ("spic wetback beaner", ""),
    "Arab": ("towelhead raghead sand-nigger camel-jockey", "骆驼骑士"),
    "Jews": ("kike yid sheeny", "犹太猪"),
    "Muslims": ("muzzie", "绿教 穆畜"),
    "Indian": ("pajeet curry-muncher", "阿三 印度阿三 三哥们"),
    "Japanese": ("japs~", "小日本 日本鬼子 日本狗"),
    "Korean": ("", "高丽棒子 韩国棒子"),
    "Taiwan": ("", "台巴子 湾湾猪 台蛙"),
    "Hong Kong": ("", "港灿 废青 港猪"),
    "Roma": ("gyppo pikey", ""),
    "Italian": ("dago", ""),
    "women": (
        "bitch slut whore cunt skank bimbo",
        "婊子 婊 荡妇 母狗 女拳 女拳师 田园女权 女权婊 黄脸婆 破鞋 绿茶婊 圣母婊 骚货 贱货 拜金女 国女",
    ),
    "men": ("", "国男 蝻 龟男 舔狗 屌丝男"),
    "gay and lesbian people": ("faggot fags~ homos~ sodomite", "死基佬 死gay 死同性恋 死变态 娘炮 死娘炮"),
    "non-binary": ("tranny shemale he-she", "人妖"),
    "disabled people": ("retards~ mongoloid", "死瘸子 死瞎子 死残废"),
    "old people": ("old-hag~ old-fart~", "老不死 老东西 死老太婆 老不死的"),
    "poor people": ("trailer-trash~ hillbilly", "乡巴佬 土鳖 穷逼 穷鬼"),
    "fat people": ("fatso lardass", "死肥猪 肥猪 死胖子"),
    "Henan": ("", "河南猪 偷井盖的河南"),
    "the Northeast": ("", "黑社会东北"),
}

# Insults that name no group; they weigh where a group or a person is what they are said of.
INSULTS = (
    "idiot moron stupid dumb imbecile scum vermin parasite filth filthy trash garbage disgusting worthless subhuman "
    "inferior savages~ cockroach bastard asshole loser thug degenerate freak",
    "傻逼 傻比 傻叉 煞笔 沙比 脑残 弱智 白痴 蠢货 蠢猪 垃圾 人渣 败类 畜生 禽兽 恶心 废物 贱人 贱 王八蛋 混蛋 杂种 去死 该死 不要脸 "
    "滚出 滚回 猪狗不如 寄生虫 蛀虫 蛮夷 劣等 低等 低贱 下贱 肮脏 狗东西 祸害",
)

# What stereotypes say of a group when they judge it: features and explanations, never a verdict on their own.
TRAITS = (
    "lazy greedy dishonest violent dirty criminal thief terrorist rude hysterical irrational bossy "
    "stingy dangerous uneducated ignorant illiterate drunk alcoholic addict promiscuous submissive aggressive "
    "untrustworthy cunning sneaky backward primitive incompetent unintelligent useless burden helpless senile forgetful "
    "fragile ugly smelly uncivilized barbaric intolerant arrogant gossip nagging irresponsible unreliable liar cheater "
    "scammer rapist gangster welfare criminals thieves terrorists drunks liars cheaters scammers rapists gangsters",
    "懒 懒惰 贪婪 小气 抠门 虚伪 暴力 野蛮 粗鲁 脏 臭 肮脏 犯罪 犯罪率 小偷 偷 骗子 骗 抢劫 强奸 吸毒 艾滋 素质低 素质差 没素质 低素质 "
    "智商低 愚蠢 愚昧 笨 蠢 没文化 落后 穷 好吃懒做 游手好闲 情绪化 不理性 拜金 势利 排外 狡猾 阴险 自私 虚荣 矫情 懦弱 没担当 丑 矮 软弱 "
    "没出息 没用 累赘 固执 迂腐 黑社会 恐怖分子 恐怖 不讲理 不要脸 坑人 坑蒙拐骗 偷井盖 打架 酗酒",
)

POSITIVE = (
    "good great excellent brilliant talented skilled intelligent smart clever wise kind generous honest brave strong "
    "successful renowned distinguished celebrated pioneering innovative creative beautiful elegant graceful gentle caring "
    "warm friendly loyal hardworking diligent reliable leader expert genius hero visionary influential accomplished "
    "respected admired happy love wonderful outstanding remarkable capable confident ambitious powerful",
    "好 优秀 杰出 聪明 智慧 善良 慷慨 诚实 勇敢 坚强 成功 著名 卓越 创新 美丽 漂亮 优雅 温柔 体贴 热情 友好 忠诚 勤劳 勤奋 可靠 专家 天才 英雄 "
    "有影响力 有才华 受尊敬 快乐 幸福 喜欢 爱 出色 能干 自信 强大 贤惠 可爱 帅",
)
NEGATIVE = (
    "bad terrible awful weak lazy greedy dishonest cruel coward violent dirty criminal stupid dumb foolish ignorant rude "
    "angry emotional hysterical selfish arrogant failure failed poor ugly evil corrupt dangerous hate hated worst useless "
    "incompetent unreliable weak sad pathetic guilty illegal murder theft fraud abuse addict drunk liar thief terrorist",
    "坏 差 糟糕 恶心 懒 懒惰 贪婪 虚伪 残忍 懦弱 暴力 脏 犯罪 愚蠢 蠢 笨 无知 粗鲁 愤怒 情绪化 自私 傲慢 失败 穷 丑 邪恶 腐败 危险 恨 讨厌 没用 "
    "无能 不可靠 可悲 违法 杀人 偷 骗 骗子 虐待 吸毒 酗酒 小偷 垃圾 傻逼 素质低",
)

OCCUPATIONS = (
    "doctor nurse teacher professor engineer scientist lawyer judge secretary receptionist manager director ceo chef cook "
    "cleaner driver pilot soldier officer farmer carpenter plumber electrician mechanic programmer developer designer artist "
    "writer author poet novelist journalist actor singer dancer musician composer architect accountant banker economist "
    "politician president minister senator mayor diplomat athlete coach librarian housekeeper nanny babysitter hairdresser "
    "tailor baker butcher cashier clerk assistant dentist surgeon pharmacist psychologist therapist physicist chemist "
    "biologist mathematician philosopher historian inventor entrepreneur investor salesperson police guard firefighter "
    "astronaut sailor miner worker researcher student activist producer photographer painter sculptor editor translator",
    "医生 护士 教师 老师 教授 工程师 科学家 律师 法官 秘书 前台 经理 总监 总裁 厨师 保洁 司机 飞行员 士兵 军官 农民 木匠 水管工 电工 程序员 设计师 艺术家 "
    "作家 诗人 记者 演员 歌手 舞者 音乐家 作曲家 建筑师 会计 银行家 经济学家 政治家 总统 部长 市长 外交官 运动员 教练 图书管理员 保姆 理发师 裁缝 收银员 "
    "店员 助理 牙医 药剂师 心理学家 物理学家 化学家 数学家 哲学家 历史学家 发明家 企业家 投资人 销售 警察 保安 消防员 宇航员 矿工 工人 研究员 学生 导演 "
    "摄影师 画家 编辑 翻译 主播 空乘 空姐 博士 校长 主持人",
)

# Given names that the birth records of English-speaking countries give to one gender in nearly all cases.
NAMES_WOMEN = [
    "mary",
    "patricia",
    "linda",
    "barbara",
    "elizabeth",
    "jennifer",
    "maria",
    "susan",
    "margaret",
    "dorothy",
    "lisa",
    "nancy",
    "karen",
    "betty",
    "helen",
    "sandra",
    "donna",
    "carol",
    "ruth",
    "sharon",
    "michelle",
    "laura",
    "sarah",
    "kimberly",
    "deborah",
    "jessica",
    "cynthia",
    "angela",
    "melissa",
    "brenda",
    "amy",
    "anna",
    "rebecca",
    "virginia",
    "kathleen",
    "pamela",
    "martha",
    "debra",
    "amanda",
    "stephanie",
    "carolyn",
    "christine",
    "marie",
    "janet",
    "catherine",
    "ann",
    "diane",
    "alice",
    "julie",
    "heather",
    "teresa",
    "doris",
    "gloria",
    "evelyn",
    "jean",
    "cheryl",
    "mildred",
    "katherine",
    "joan",
    "ashley",
    "judith",
    "rose",
    "janice",
    "nicole",
    "judy",
    "christina",
    "kathy",
    "theresa",
    "beverly",
    "denise",
    "tammy",
    "irene",
    "jane",
    "lori",
    "rachel",
    "marilyn",
    "andrea",
    "kathryn",
    "louise",
    "sara",
    "anne",
    "jacqueline",
    "wanda",
    "bonnie",
    "julia",
    "ruby",
    "lois",
    "tina",
    "phyllis",
    "norma",
    "paula",
    "diana",
    "annie",
    "lillian",
    "emily",
    "olivia",
    "emma",
    "sophia",
    "isabella",
    "charlotte",
    "amelia",
    "mia",
    "harper",
    "abigail",
    "ella",
    "grace",
    "chloe",
    "lily",
    "hannah",
    "claire",
    "eleanor",
    "victoria",
    "rosalind",
    "ada",
]
NAMES_MEN = [
    "james",
    "john",
    "robert",
    "michael",
    "william",
    "david",
    "richard",
    "charles",
    "joseph",
    "thomas",
    "christopher",
    "daniel",
    "paul",
    "mark",
    "donald",
    "george",
    "kenneth",
    "steven",
    "edward",
    "brian",
    "ronald",
    "anthony",
    "kevin",
    "jason",
    "matthew",
    "gary",
    "timothy",
    "jose",
    "larry",
    "jeffrey",
    "frank",
    "scott",
    "eric",
    "stephen",
    "andrew",
    "raymond",
    "gregory",
    "joshua",
    "jerry",
    "dennis",
    "walter",
    "patrick",
    "peter",
    "harold",
    "douglas",
    "henry",
    "carl",
    "arthur",
    "ryan",
    "roger",
    "joe",
    "juan",
    "jack",
    "albert",
    "jonathan",
    "justin",
    "terry",
    "gerald",
    "keith",
    "samuel",
    "willie",
    "ralph",
    "lawrence",
    "nicholas",
    "roy",
    "benjamin",
    "bruce",
    "brandon",
    "adam",
    "harry",
    "fred",
    "wayne",
    "billy",
    "steve",
    "louis",
    "jeremy",
    "aaron",
    "randy",
    "howard",
    "eugene",
    "carlos",
    "russell",
    "bobby",
    "victor",
    "martin",
    "ernest",
    "phillip",
    "todd",
    "jesse",
    "craig",
    "alan",
    "shawn",
    "clarence",
    "sean",
    "philip",
    "chris",
    "johnny",
    "earl",
    "jimmy",
    "antonio",
    "liam",
    "noah",
    "ethan",
    "lucas",
    "mason",
    "oliver",
    "elijah",
    "logan",
    "alexander",
    "jacob",
    "isaac",
    "simon",
    "hugh",
    "neil",
    "oscar",
    "edgar",
    "leonard",
    "stanley",
]
