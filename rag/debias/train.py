"""Trains the offence classifier: `firmground adapt offence --data FOLDER --out FILE`. Needs scikit-learn.

Chinese, from COLD's training set (Deng et al., "COLD: A Benchmark for Chinese Offensive Language Detection", 2022),
whose labels are half made by a model: 93% of its texts that say 歧视 (discrimination) are labelled offensive, and most
of those read as reports of it or protests against it. Two heads therefore:

- `base` learns the labels as they are: logistic regression on n-grams scaled by naive-Bayes log-count ratios
  (Wang and Manning, "Baselines and Bigrams", 2012).
- `stance` tells offence from anti-bias speech among texts that `base` would flag. It learns from texts read by hand
  (`stance.json`): a teacher on n-grams and their latent dimensions (truncated SVD) learns from those, and a student on
  n-grams alone from the teacher's probabilities for all texts labelled offensive.

A text is flagged where both heads say so. How far `stance` must agree is chosen on folds of the training set, so that
anti-bias texts are flagged at most `TARGET` times as often as by `base` alone.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firmground.knowledge.errors import InputError, MissingExtra
from firmground.rag.debias.classify import Offence, read_chinese, read_english
from firmground.rag.debias.features import BUCKETS, buckets
from firmground.rag.debias.sentences import harmless, offensive

STANCE = Path(__file__).with_name("stance.json")
TARGET = 0.44  # of the plain classifier's flags on anti-bias text; half is asked for, and folds are not the world
FOLDS = 3
DIMENSIONS = 100
CLAIMS = 4000  # of CREAK's, as many as are learnt from
FALSE_FLAGS = 0.05  # of the harmless English sentences that are learnt from, at most
SHORTEST, LONGEST = 30, 300  # letters of an English sentence that is learnt from


def read_cold(path: Path) -> list[dict[str, str]]:
    """COLD's rows: TEXT, label ("0", "1"), topic, and in its test set fine-grained-label.

    Raises InputError where the file isn't one of COLD's.
    """
    if not path.is_file():
        raise InputError(f"{path} isn't there; expected a CSV file of COLD (github.com/thu-coai/COLDataset)")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"TEXT", "label", "topic"} <= set(rows[0]):
        raise InputError(f"{path} isn't a file of COLD: expected the columns TEXT, label, topic, got {list(rows[:1])}")
    return rows


def stance_of(part: str) -> Callable[[str], str]:
    """What a text of COLD's `part` ("train", "dev") was read as: O, A or N; "" where it wasn't read."""
    read: dict[str, str] = json.loads(STANCE.read_text(encoding="utf-8"))[part]
    return lambda text: read.get(hashlib.sha256(text.encode()).hexdigest()[:12], "")


def train(data: Path, say: Callable[[str], None] = print) -> Offence:
    """Both languages' heads from a folder that holds cold/, crows_pairs/, creak/ and gender_rag/.

    Raises:
        InputError: a file is missing. MissingExtra: scikit-learn isn't installed.
    """
    try:
        import sklearn
    except ImportError as error:
        raise MissingExtra("training needs scikit-learn: pip install scikit-learn") from error
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {"scikit-learn": sklearn.__version__, "buckets": BUCKETS}
    about["zh"], zh = train_chinese(data / "cold" / "train.csv", say)
    about["en"], en = train_english(data, say)
    for name, (weights, bias) in {**zh, **en}.items():
        arrays[name] = weights.astype(np.float16)
        about[f"{name}_bias"] = round(bias, 6)
    return Offence(arrays, about)


# ------------------------------------------------------------------------------------------------------------- Chinese


def train_chinese(path: Path, say: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, tuple[np.ndarray, float]]]:
    """What is to be known about the Chinese heads, and the heads."""
    rows, bad, good = read_cold(path), offensive("zh"), harmless("zh")
    texts = [row["TEXT"] for row in rows] + bad + good
    labels = np.array([int(row["label"]) for row in rows] + [1] * len(bad) + [0] * len(good))
    read = np.array([stance_of("train")(row["TEXT"]) for row in rows] + ["O"] * len(bad) + ["A"] * len(good))
    ours = np.arange(len(texts)) >= len(rows)
    say(f"Chinese: {len(texts)} texts, {int((read != '').sum())} of them read by hand")
    grams = matrix(texts, read_chinese, 2)
    latent = latent_dimensions(grams)
    fold = np.array([zlib.crc32(text.encode()) % FOLDS for text in texts])
    base, stance = np.zeros(len(texts)), np.zeros(len(texts))
    for number in range(FOLDS):
        say(f"fold {number + 1} of {FOLDS}")
        inside = fold != number
        heads = chinese_heads(grams, latent, labels, read, inside)
        for scores, (weights, bias) in zip((base, stance), heads, strict=True):
            scores[~inside] = grams[~inside] @ weights + bias
    threshold = stance_threshold(base, stance, np.where(ours, "", read))
    say(f"stance must be above {threshold:.3f}; now all texts")
    (base_weights, base_bias), (weights, bias) = chinese_heads(grams, latent, labels, read, labels >= 0)
    flagged, read = (base > 0) & (stance > threshold), np.where(ours, "", read)
    about = {
        "data": {path.name: sha256(path), STANCE.name: sha256(STANCE)},
        "threshold": round(threshold, 6),
        "folds": {
            "anti-bias flagged": round(float(flagged[read == "A"].mean()), 4),
            "anti-bias flagged by base": round(float((base > 0)[read == "A"].mean()), 4),
            "offensive found": round(float(flagged[read == "O"].mean()), 4),
        },
    }
    return about, {"zh_base": (base_weights, base_bias), "zh_stance": (weights, bias - threshold)}


def chinese_heads(
    grams: Any, latent: np.ndarray, labels: np.ndarray, read: np.ndarray, inside: np.ndarray
) -> tuple[tuple[np.ndarray, float], tuple[np.ndarray, float]]:
    """`base` and `stance` from the rows that are `inside`."""
    base = naive_bayes_logistic(grams[inside], labels[inside])
    known = inside & np.isin(read, ("O", "A"))
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    both = hstack([grams * 3.0, csr_matrix(latent)]).tocsr()  # rows of length 3 and 1: n-grams lead
    teacher = LogisticRegression(C=1.0, solver="liblinear", random_state=0)
    teacher.fit(both[known], read[known] == "O")
    learnt = inside & ((labels == 1) | known)
    soft = teacher.predict_proba(both[learnt])[:, 1]
    sure = known[learnt]
    soft[sure] = np.where(read[learnt][sure] == "O", 0.95, 0.05)
    weight = np.where(sure, 4.0, 1.0)
    return base, soft_logistic(grams[learnt] * 3.0, soft, weight, scale=3.0)


def soft_logistic(grams: Any, soft: np.ndarray, weight: np.ndarray, scale: float) -> tuple[np.ndarray, float]:
    """A linear head for probabilities: each row counts once for either side, as far as it belongs there."""
    from scipy.sparse import vstack
    from sklearn.linear_model import LogisticRegression

    sides = np.r_[np.ones(len(soft)), np.zeros(len(soft))]
    model = LogisticRegression(C=1.0, solver="liblinear", random_state=0)
    model.fit(vstack([grams, grams]).tocsr(), sides, sample_weight=np.r_[soft * weight, (1 - soft) * weight])
    return model.coef_[0] * scale, float(model.intercept_[0])


def stance_threshold(base: np.ndarray, stance: np.ndarray, read: np.ndarray) -> float:
    """The lowest stance at which anti-bias texts are flagged at most TARGET times as often as by `base` alone."""
    against = read == "A"
    flagged = np.sort(stance[against & (base > 0)])[::-1]
    allowed = int(TARGET * len(flagged))
    return float(flagged[allowed])


def latent_dimensions(grams: Any) -> np.ndarray:
    """(n, DIMENSIONS) rows of length 1: the n-grams of at least ten texts, by truncated SVD."""
    from sklearn.decomposition import TruncatedSVD

    frequency = np.bincount(grams.indices, minlength=grams.shape[1])
    kept = grams[:, np.flatnonzero(frequency >= 10)].copy()
    kept = kept.multiply(np.log(len(frequency) / np.maximum(1, np.bincount(kept.indices, minlength=kept.shape[1]))))
    vectors = TruncatedSVD(DIMENSIONS, n_iter=3, random_state=0).fit_transform(kept.tocsr())
    return vectors / np.maximum(1e-9, np.linalg.norm(vectors, axis=1, keepdims=True))


# ------------------------------------------------------------------------------------------------------------- English


def train_english(data: Path, say: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, tuple[np.ndarray, float]]]:
    """A detector of slurs and of stereotyping sentences. No English offensive-text set may be used, so it learns from

    - offensive: the stereotyping sentences of CrowS-Pairs (Nangia et al., 2020; CC BY-SA) and sentences of our own;
    - harmless: claims of CREAK (Onoe et al., 2021; MIT), sentences of GenderBias-QA (MIT), and sentences of our own
      that name the same groups plainly, or speak against prejudice.

    The words for groups are masked, so that a group's name alone tells nothing.
    """
    bad, good, files = english_texts(data)
    say(f"English: {len(bad)} stereotyping or offensive sentences, {len(good)} harmless ones")
    texts, labels = bad + good, np.r_[np.ones(len(bad)), np.zeros(len(good))].astype(int)
    weights, bias = english_head(texts, labels)
    return {"data": {path.name: sha256(path) for path in files}}, {"en_base": (weights, bias)}


def english_head(texts: Sequence[str], labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Its bias is such that at most FALSE_FLAGS of the harmless sentences it learnt from are flagged."""
    return head_of(matrix(texts, read_english, 2), labels)


def head_of(grams: Any, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """The head of features that were read before."""
    weights, _ = naive_bayes_logistic(grams, labels)
    scores = np.sort((grams @ weights)[labels == 0])[::-1]
    return weights, -float(scores[int(FALSE_FLAGS * len(scores))]) - 1e-3


def english_texts(data: Path) -> tuple[list[str], list[str], list[Path]]:
    """Offensive sentences (CrowS-Pairs' first, in its order), harmless ones, and the files they come from."""
    crows, creak = data / "crows_pairs" / "crows_pairs_anonymized.csv", data / "creak" / "train.json"
    gender, bbq = data / "gender_rag" / "GenderBias-QA_train.csv", data / "bbq" / "Age.jsonl"
    for path in (crows, creak, gender, bbq):
        if not path.is_file():
            raise InputError(
                f"{path} isn't there; --data is the folder that holds crows_pairs, creak, gender_rag and bbq"
            )
    pairs = read_crows(crows)
    bad = [row["sent_more"] for row in pairs if row["stereo_antistereo"] == "stereo"]
    good = random.Random(0).sample(read_claims(creak), CLAIMS) + gender_sentences(gender)
    good += bbq_contexts(bbq)
    return bad + offensive("en"), good + harmless("en"), [crows, creak, gender, bbq]


def read_crows(path: Path) -> list[dict[str, str]]:
    """The pairs of CrowS-Pairs: sent_more, sent_less, stereo_antistereo, bias_type."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_claims(path: Path) -> list[str]:
    """The claims of a file of CREAK."""
    return [json.loads(line)["sentence"] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def bbq_contexts(path: Path) -> list[str]:
    """The different contexts of a file of BBQ: two everyday sentences that name groups and judge none."""
    return sorted(
        {json.loads(line)["context"] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()}
    )


def gender_sentences(path: Path) -> list[str]:
    """Two thousand sentences of GenderBias-QA's documents, drawn by a fixed seed."""
    from firmground.knowledge.text import sentences

    found = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name, text in row.items():
                if "document" in name:
                    found += [text[start:end] for start, end in sentences(text)]
    usable = sorted({text for text in found if SHORTEST <= len(text) <= LONGEST})
    return random.Random(0).sample(usable, min(2000, len(usable)))


# ---------------------------------------------------------------------------------------------------------------- both


def matrix(texts: Sequence[str], read: Callable[[str], list[str]], least: int = 1) -> Any:
    """(n, BUCKETS) scipy CSR, rows of length 1: the root of one over their number in each of a text's buckets.

    Buckets of fewer than `least` texts are left out.
    """
    from scipy.sparse import csr_matrix

    rows = [buckets(read(text)) for text in texts]
    sizes = np.array([max(1, len(row)) for row in rows])
    indices = np.concatenate([*rows, np.zeros(0, dtype=np.int64)])
    values = np.repeat(1 / np.sqrt(sizes), [len(row) for row in rows])
    grams = csr_matrix((values, indices, np.r_[0, np.cumsum([len(row) for row in rows])]), shape=(len(rows), BUCKETS))
    rare = np.bincount(indices, minlength=BUCKETS) < least
    grams.data[rare[grams.indices]] = 0.0
    grams.eliminate_zeros()
    return grams


def naive_bayes_logistic(
    grams: Any, labels: np.ndarray, weight: np.ndarray | None = None, strength: float = 4.0
) -> tuple[np.ndarray, float]:
    """(BUCKETS,) weights and a bias: logistic regression on n-grams scaled by their log-count ratio."""
    from sklearn.linear_model import LogisticRegression

    weight = np.ones(len(labels)) if weight is None else weight
    present = (grams > 0).astype(np.float64).T
    with_it, without = 1 + present @ (weight * labels), 1 + present @ (weight * (1 - labels))
    ratio = np.log((with_it / with_it.sum()) / (without / without.sum()))
    model = LogisticRegression(C=strength, solver="liblinear", random_state=0)
    model.fit(grams.multiply(ratio).tocsr(), labels, sample_weight=weight)
    return model.coef_[0] * ratio, float(model.intercept_[0])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
