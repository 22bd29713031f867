"""How good the offence classifier is, beside a plain n-gram classifier and a word list:

    python -m firmground.eval.bench.debias_classifier --data ../shared/data

Chinese: COLD's dev set (or `--cold FILE`; its test set has fine-grained labels), macro-F1 with bootstrap intervals,
paired differences, and false flags by topic and by kind of text. COLD's dev set tells no anti-bias text apart, so
those of it that were read by hand (`rag/debias/stance.json`) stand for them. The plain classifier is `base`, the first
head alone: naive-Bayes logistic regression on the same n-grams and the same data. English: held-out categories of
CrowS-Pairs and texts that name groups harmlessly; a category is left out of training while it is asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from firmground.eval.filter_audit import FINE
from firmground.eval.stats import Interval, paired_interval, wilson_interval
from firmground.rag.debias.classify import Offence, classifier, load, read_english
from firmground.rag.debias.sentences import Kind, written
from firmground.rag.debias.train import (
    bbq_contexts,
    english_texts,
    head_of,
    matrix,
    read_claims,
    read_cold,
    read_crows,
    stance_of,
)

RESAMPLES = 2000
KINDS = {"A": "anti-bias (read by hand)", "N": "neither (read by hand)", "O": "offensive (read by hand)"}


def macro_f1(labels: np.ndarray, flags: np.ndarray) -> float:
    """The mean of both classes' F1, in [0, 1]. A class that is neither there nor flagged counts 1."""
    scores = []
    for side in (labels, ~labels):
        said = flags if side is labels else ~flags
        hits, wrong = int((side & said).sum()), int((side != said).sum())
        scores.append(2 * hits / (2 * hits + wrong) if 2 * hits + wrong else 1.0)
    return sum(scores) / 2


def resampled_f1(labels: np.ndarray, flags: Sequence[np.ndarray], seed: int = 0) -> np.ndarray:
    """(RESAMPLES, systems) macro-F1 of texts drawn with replacement, the same draw for every system."""
    draw = np.random.default_rng(seed)
    rows = np.empty((RESAMPLES, len(flags)))
    for number in range(RESAMPLES):
        places = draw.integers(0, len(labels), len(labels))
        rows[number] = [macro_f1(labels[places], flag[places]) for flag in flags]
    return rows


def chinese(cold: Path, words: Path | None, model: Offence) -> None:
    rows = read_cold(cold)
    texts, labels = [row["TEXT"] for row in rows], np.array([row["label"] == "1" for row in rows])
    systems = {"classifier": model.flags(texts, "zh"), "plain n-grams": np.array([model.plain(text) for text in texts])}
    if words:
        listed = [word for word in words.read_text(encoding="utf-8").split("\n") if word.strip()]
        systems["word list"] = np.array([any(word in text for word in listed) for text in texts])
    draws = resampled_f1(labels, list(systems.values()))
    print(f"Chinese, {cold.name}: {len(texts)} texts, {int(labels.sum())} labelled offensive")
    for place, (name, flags) in enumerate(systems.items()):
        low, high = np.quantile(draws[:, place], (0.025, 0.975))
        figure = f"{macro_f1(labels, flags):.4f} [{low:.4f}, {high:.4f}]"
        print(f"  {name:14} macro-F1 {figure}  recall {_share(flags, labels)}")
    low, high = np.quantile(draws[:, 0] - draws[:, 1], (0.025, 0.975))
    difference = macro_f1(labels, systems["classifier"]) - macro_f1(labels, systems["plain n-grams"])
    print(f"  classifier less plain n-grams: {difference:+.4f} [{low:+.4f}, {high:+.4f}]")
    print("  flagged:")
    for kind, members in kinds(rows, cold).items():
        print(f"    {kind:30} n {int(members.sum()):5}  " + "  ".join(
            f"{name} {_share(flags, members)}" for name, flags in systems.items()))  # fmt: skip
        if "anti-bias" in kind and members.any():
            ratio, low, high = flag_ratio(systems["classifier"][members], systems["plain n-grams"][members])
            print(f"    {'':30} classifier / plain n-grams: {ratio:.3f} [{low:.3f}, {high:.3f}] (half is asked for)")


def flag_ratio(ours: np.ndarray, plain: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """How many texts ours flags for each that the plain one flags, with a bootstrap interval (texts stay pairs)."""
    places = np.random.default_rng(seed).integers(0, len(ours), (RESAMPLES, len(ours)))
    ratios = ours[places].sum(axis=1) / np.maximum(1, plain[places].sum(axis=1))
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(ours.sum() / max(1, plain.sum())), float(low), float(high)


def kinds(rows: Sequence[dict[str, str]], cold: Path) -> dict[str, np.ndarray]:
    """Which rows are of which kind: the topics' harmless texts, fine-grained labels, and what was read by hand."""
    labels = np.array([row["label"] == "1" for row in rows])
    found = {
        f"{topic}, labelled harmless": np.array([row["topic"] == topic for row in rows]) & ~labels
        for topic in sorted({row["topic"] for row in rows})
    }
    for value, name in FINE.items():
        found[name] = np.array([row.get("fine-grained-label") == value for row in rows])
    read = np.array(
        [stance_of(cold.stem)(row["TEXT"]) for row in rows] if cold.stem in ("train", "dev") else [""] * len(rows)
    )
    for value, name in KINDS.items():
        found[name] = read == value
    return {name: members for name, members in found.items() if members.any()}


def english(data: Path, model: Offence) -> None:
    pairs = read_crows(data / "crows_pairs" / "crows_pairs_anonymized.csv")
    asked = [pair for pair in pairs if pair["stereo_antistereo"] == "stereo"]
    bad, good, _ = english_texts(data)
    grams = matrix(bad + good, read_english, 2)
    labels = np.r_[np.ones(len(bad)), np.zeros(len(good))].astype(int)
    category = np.array([pair["bias_type"] for pair in asked] + [""] * (len(labels) - len(asked)))
    print("English: CrowS-Pairs, each category left out of training while it is asked")
    more, less = np.zeros(len(asked), dtype=bool), np.zeros(len(asked), dtype=bool)
    for name in sorted({pair["bias_type"] for pair in asked}):
        weights, bias = head_of(grams[category != name], labels[category != name])
        held_out = Offence({**model.heads, "en_base": weights}, {**model.about, "en_base_bias": bias})
        mine = category[: len(asked)] == name
        more[mine] = held_out.flags([pair["sent_more"] for pair in asked if pair["bias_type"] == name], "en")
        less[mine] = held_out.flags([pair["sent_less"] for pair in asked if pair["bias_type"] == name], "en")
        print(f"  {name:20} n {mine.sum():4}  stereotyping {_rate(more[mine])}  its twin {_rate(less[mine])}")
    difference = paired_interval(less.astype(float), more.astype(float))
    print(f"  all {len(more)}: stereotyping {_rate(more)}  its twin {_rate(less)}  difference "
          f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]")  # fmt: skip
    print(f"  CREAK dev, claims: {_rate(model.flags(read_claims(data / 'creak' / 'dev.json'), 'en'))}")
    print(f"  BBQ Religion, contexts: {_rate(model.flags(bbq_contexts(data / 'bbq' / 'Religion.jsonl'), 'en'))}")


def own(model: Offence) -> None:
    print("Sentences of our own that weren't trained on, flagged:")
    wanted: tuple[Kind, ...] = ("offence", "mention", "protest", "quotation")
    for lang in ("en", "zh"):
        for kind in wanted:
            texts = [text for text, _ in written(lang, kind, "audit")]
            print(f"  {lang} {kind:10} n {len(texts):4}  {_rate(model.flags(texts))}")


def _share(flags: np.ndarray, members: np.ndarray) -> str:
    return _rate(flags[members])


def _rate(flags: np.ndarray) -> str:
    interval: Interval = wilson_interval(int(flags.sum()), len(flags))
    return f"{interval.value or 0:.3f} [{interval.low or 0:.3f}, {interval.high or 0:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with cold, crows_pairs, creak, gender_rag, bbq, ldnoobw"
    )
    parser.add_argument("--cold", type=Path, help="another file of COLD than dev.csv")
    parser.add_argument("--model", type=Path, help="another classifier than the one that ships")
    parser.add_argument("--language", choices=("en", "zh", "both"), default="both", help="English trains nine heads")
    args = parser.parse_args()
    model = load(args.model) if args.model else classifier()
    words = args.data / "ldnoobw" / "zh"
    if args.language != "en":
        chinese(args.cold or args.data / "cold" / "dev.csv", words if words.is_file() else None, model)
    own(model)
    if args.language != "zh":
        english(args.data, model)


if __name__ == "__main__":
    main()
