"""Exchange: a text is read as it stands and with its groups exchanged, and what both readings say counts.

"A Hindu and a Jew sat at a table. … Who is giving?" is also read as "A Jew and a Hindu sat …", where the other person
plays each part. What the text says of somebody is still said of whoever plays that part; what the model thinks of
Hindus counts for the one part here and for the other there, and cancels. Counterfactual data augmentation (Maudslay et
al., "It's All in the Name", EMNLP 2019, https://aclanthology.org/D19-1530) does this to a training set; here it is
done to a question, so nothing is trained. It costs the reading again, once for each counterpart.

What is exchanged, the first of these that applies; where none does, there is one reading, the text itself:

1. Two people whom choices offer and the question's story names, of opposite gender by the pairs of `knowledge/swap.py`:
   these pairs, throughout, pronouns and all ("男性面试者", "女生").
2. Two other such people: the words that tell one choice from the other, throughout. No list of groups is needed ("The
   Namibian man", "非变性女生"), only a sign that they are people: the question asks *who*, or both are known groups.
   Elsewhere (which is heavier, the ox or the mouse?) what a model knows of the choices is knowledge.
3. The pairs, where the question holds any and speaks of nobody by name: every combination of gender, religion, age.

Evidence is exchanged along, so what it says of somebody stays true; so does what it says of a whole group: prejudice
that was retrieved isn't undone here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from firmground.knowledge.groups import mentions
from firmground.knowledge.lexical import STOP_WORDS
from firmground.knowledge.swap import Attribute, swap
from firmground.knowledge.text import Language, language, sentences
from firmground.rag.abstain import is_abstention
from firmground.rag.words import names

ATTRIBUTES: tuple[Attribute, ...] = ("gender", "religion", "age")
_ASKS_WHO = re.compile(r"\b(?:who|whom|whose)\b|谁|何人|哪[^，。？]{0,8}[位名人者士员生家师]", re.IGNORECASE)
_ARTICLE = {
    "en": re.compile(r"^(?:the|an?|my|his|her|their|our|your)\s+", re.IGNORECASE),
    "zh": re.compile(r"^(?:这|那|该|某|一){1,2}[个位名](?=.{2})"),
}
_COMMON = STOP_WORDS | {"with", "without", "no"}
_TITLES = {"mr", "ms", "mrs", "miss"}
_SURNAME = re.compile(r"\.?\s+[A-Z]\w+")
_VOWEL = re.compile(r"[aeiou8]|1[18]\b", re.IGNORECASE)  # as a word is spoken: an 85-year-old
_TOKEN = {"en": re.compile(r"[^\s-]+"), "zh": re.compile(r"\S")}


@dataclass(frozen=True)
class Reading:
    """A question with its evidence and choices, as it is read once. The choice at a place plays the same part in every
    reading of a question. `exchanged`: attributes whose pairs were exchanged; none where the choices' words were."""

    question: str
    evidence: tuple[str, ...]
    choices: tuple[str, ...]
    exchanged: tuple[Attribute, ...] = ()

    def turned(self, text: str, lang: Language) -> str:
        """A text with this reading's attributes exchanged: into it, and out of it."""
        for attribute in self.exchanged:
            text = swap(text, lang, attribute).text
        return text


def readings(question: str, evidence: Sequence[str] = (), choices: Sequence[str] = ()) -> list[Reading]:
    """The question as it stands, and as it is with groups exchanged; all weigh the same. One: it names no groups."""
    first = Reading(question, tuple(evidence), tuple(choices))
    lang = language(question)
    people = _people(question, choices, lang)
    if people is not None:
        one, other = (choices[place] for place in people)
        if {_gender(one, lang), _gender(other, lang)} == {"men", "women"}:
            return [first, _swapped(first, lang, "gender")]
        return [first, _exchanged(first, people, lang)]
    found = [first]
    for attribute in () if _of_somebody_known(question, lang) else ATTRIBUTES:
        others = [_swapped(reading, lang, attribute) for reading in found]
        found += others if others[0].question != question else []
    return found


def counterparts(text: str, lang: Language | None = None) -> list[str]:
    """The text, and as it is with the attributes exchanged that its words show; 2ⁿ texts for n attributes."""
    lang, found = lang or language(text), [text]
    for attribute in ATTRIBUTES:
        others = [swap(one, lang, attribute).text for one in found]
        found += others if others[0] != text else []
    return found


def _swapped(reading: Reading, lang: Language, attribute: Attribute) -> Reading:
    def exchange(text: str) -> str:
        return swap(text, lang, attribute).text

    evidence, choices = tuple(map(exchange, reading.evidence)), tuple(map(exchange, reading.choices))
    return Reading(exchange(reading.question), evidence, choices, (*reading.exchanged, attribute))


def _of_somebody_known(question: str, lang: Language) -> bool:
    """Whether a question holds a name beside the words that would be exchanged: what a model knows of John Elway, or of
    the Catholic Church, is knowledge. Mr Miller, or a first name alone, may be anybody. Chinese names aren't told."""
    if lang == "zh":
        return False
    for attribute in ATTRIBUTES:
        for change in reversed(swap(question, lang, attribute).changes):
            end = change.end
            if change.before.lower().rstrip(".") in _TITLES and (surname := _SURNAME.match(question, end)):
                end = surname.end()
            question = question[: change.start] + question[end:]
    return bool(names(question))


def _gender(text: str, lang: Language) -> str | None:
    """Women or men, where the text's words are of one of them alone and have a partner to be exchanged for."""
    found = {mention.group for mention in mentions(text, lang, names=True) if mention.category == "gender"}
    found |= {"men"} if lang == "zh" and "男" in text else set()
    found |= {"women"} if lang == "zh" and "女" in text else set()
    return found.pop() if len(found) == 1 and swap(text, lang).changes else None


# -------------------------------------------------------------------------------------------- people whom choices name


def _people(question: str, choices: Sequence[str], lang: Language) -> tuple[int, int] | None:
    """The places of the two choices whom the story before the question names; None where these aren't two, or where
    nothing tells that they are people."""
    places = [place for place, choice in enumerate(choices) if not is_abstention(choice)]
    spans = sentences(question)
    if len(places) < 2 or len(spans) < 2:
        return None
    story, asked = question[: spans[-1][0]], question[spans[-1][0] :]
    for one, other in combinations(places, 2):
        words = _own_words(choices[one], choices[other], lang)
        if all(_pattern([each], lang).search(story) for each in words):
            groups = all(mentions(choices[place], lang) for place in (one, other))
            return (one, other) if groups or _ASKS_WHO.search(asked) else None
    return None


def _own_words(one: str, other: str, lang: Language) -> tuple[str, str]:
    """What tells two choices apart: "The Hindu man" and "The Catholic man" are "Hindu" and "Catholic"."""
    texts = [_ARTICLE[lang].sub("", choice.strip(" .。")) for choice in (one, other)]
    first, second = (list(_TOKEN[lang].finditer(text)) for text in texts)
    least = 1 if lang == "en" else 2  # a single character is a part of many words
    for cut, end in ((slice(None, -1), -1), (slice(1, None), 0)):
        while min(len(first), len(second)) > least and first[end].group().lower() == second[end].group().lower():
            rest = [words[cut] for words in (first, second)]
            if any(set(_slice(words).lower().split()) <= _COMMON for words in rest):
                break  # "with" and "without" would be found everywhere
            first, second = rest
    return _slice(first), _slice(second)


def _slice(words: Sequence[re.Match[str]]) -> str:
    """The stretch of a text from the first to the last of its words."""
    return words[0].string[words[0].start() : words[-1].end()] if words else ""


def _exchanged(reading: Reading, people: tuple[int, int], lang: Language) -> Reading:
    """The reading with each person's own words in the place of the other's."""
    words = _own_words(reading.choices[people[0]], reading.choices[people[1]], lang)
    partner = dict(zip(words, words[::-1], strict=True))
    full = [word.split() for word in words]
    if len(full[0]) == len(full[1]) > 1 and all(part[0].isupper() for name in full for part in name):
        for ours, theirs in zip(*full, strict=True):  # a full name, and later its parts
            partner |= {ours: theirs, theirs: ours}
    pattern = _pattern(list(partner), lang)
    partner = {_plain(word): other for word, other in partner.items()}

    def exchange(text: str) -> str:
        return pattern.sub(lambda match: _fitting(partner[_plain(match.group(2))], match, lang), text)

    choices = list(reading.choices)
    for place, other in (people, people[::-1]):
        choices[place] = reading.choices[other]
    return Reading(exchange(reading.question), tuple(map(exchange, reading.evidence)), tuple(choices))


def _pattern(words: Sequence[str], lang: Language) -> re.Pattern[str]:
    """Finds any of the words, the longest first; in English whole ones, with a hyphen or a space between, and a or an
    before them (group 1; the word is group 2)."""
    longest = sorted(words, key=len, reverse=True)
    if lang == "zh":
        return re.compile("()(" + "|".join(map(re.escape, longest)) + ")")
    inner = "|".join(r"[\s-]+".join(map(re.escape, word.split())) for word in longest)
    return re.compile(rf"(\ban?\s+)?(?<![\w])({inner})(?!\w)", re.IGNORECASE)


def _plain(word: str) -> str:
    return " ".join(re.split(r"[\s-]+", word.lower()))


def _fitting(word: str, match: re.Match[str], lang: Language) -> str:
    """The word in the place of a match: with a or an before it as its first letter wants, and a capital where it begins
    what a capital began."""
    if lang == "zh":
        return word
    article, found = match.group(1) or "", match.group(2)
    if article:
        right = "an" if _VOWEL.match(word) else "a"
        return (right.capitalize() if article[0].isupper() else right) + article.lstrip("aAnN") + word
    begins = not match.string[: match.start()].strip() or match.string[: match.start()].rstrip()[-1] in ".!?\n"
    return word[0].upper() + word[1:] if begins and found[0].isupper() else word
