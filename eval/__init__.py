"""What a mitigation is worth: questions × arms → outcomes → metrics → paired statistics → report.

tasks      question files to `Example`            load_questions, task_names
metrics    what right, hallucinated … mean        METRICS, score_answer
stats      intervals and tests                    mean_interval, paired_interval, mcnemar
compare    the main job, resumable                compare
summary    figures from the rows alone            summarise
report     one HTML file for people               render_report
terminal   the same in a terminal                 print_summary
"""

from firmground.eval.compare import Assistant, compare
from firmground.eval.metrics import METRICS, Metric, metric, score_answer
from firmground.eval.outcomes import read_outcomes
from firmground.eval.report import render_report
from firmground.eval.stats import Interval, mcnemar, mean_interval, paired_interval, wilson_interval
from firmground.eval.summary import FLIPS, Summary, summarise
from firmground.eval.tasks import load_questions, task_names
from firmground.eval.terminal import print_summary
from firmground.eval.types import Example, Outcome, Score

__all__ = [
    "FLIPS",
    "METRICS",
    "Assistant",
    "Example",
    "Interval",
    "Metric",
    "Outcome",
    "Score",
    "Summary",
    "compare",
    "load_questions",
    "mcnemar",
    "mean_interval",
    "metric",
    "paired_interval",
    "print_summary",
    "read_outcomes",
    "render_report",
    "score_answer",
    "summarise",
    "task_names",
    "wilson_interval",
]
