"""What a mitigation is worth: questions × arms → outcomes → metrics → paired statistics → report.

tasks/     question files to `Example`            load_questions, load_corpus, task_names
evidence   gold, noise and planted evidence       hits for the arms that measure
metrics/   what right, hallucinated … mean        METRICS, score_answer; ranking, calibration, citations, likelihood
stats/     intervals and tests                    mean_interval, paired_interval, permutation_test, equivalence, holm
fairness   BBQ's bias scores                      bias_scores
bias/      audits of bias by likelihood           audit_pairs, audit_questions
judge/     a chat model as judge, and its errors  Judge, judge_run
compare    the main job, resumable                compare
summary/   figures from the rows alone            summarise
ablate     what each mitigation buys and costs    ablate
arm_files  arms of one's own, from TOML           load_arms
report/    HTML, Markdown and CSV for people      render_report; compare_runs for two runs
wording    what they say, in English and Chinese  say, words_for
browse     a run's questions one by one           browse
reasons    what a run's answers rest on           explain_run
terminal   the same in a terminal                 print_summary
"""

from firmground.eval.ablate import ablate
from firmground.eval.arm_files import load_arms
from firmground.eval.compare import Assistant, compare
from firmground.eval.metrics.answers import METRICS, Metric, metric, score_answer
from firmground.eval.outcomes import read_outcomes
from firmground.eval.report.render import render_report
from firmground.eval.report.runs import compare_runs
from firmground.eval.stats import (
    Equivalence,
    Interval,
    equivalence,
    holm,
    mcnemar,
    mean_interval,
    paired_interval,
    permutation_test,
    prediction_powered,
    smallest_effect,
    wilson_interval,
)
from firmground.eval.summary.figures import FLIPS, Summary, summarise
from firmground.eval.tasks import load_corpus, load_questions, task_names
from firmground.eval.terminal import print_summary
from firmground.eval.types import Example, Outcome, Score

__all__ = [
    "FLIPS",
    "METRICS",
    "Assistant",
    "Equivalence",
    "Example",
    "Interval",
    "Metric",
    "Outcome",
    "Score",
    "Summary",
    "ablate",
    "compare",
    "compare_runs",
    "equivalence",
    "holm",
    "load_arms",
    "load_corpus",
    "load_questions",
    "mcnemar",
    "mean_interval",
    "metric",
    "paired_interval",
    "permutation_test",
    "prediction_powered",
    "print_summary",
    "read_outcomes",
    "render_report",
    "score_answer",
    "smallest_effect",
    "summarise",
    "task_names",
    "wilson_interval",
]
