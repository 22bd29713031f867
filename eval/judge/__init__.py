"""Optional judges: a chat model asked twice, strictly parsed, cached, and held against labels and our verifier.

ask        one judge, its verdicts and statuses        Judge
prompts    what it is asked, and how replies are read
cache      replies on disk, so that a run is repeated for nothing
labels     people's labels for a run's answers
agreement  with labels and with the verifier           Cohen's kappa, prediction-powered rates
run        a finished run, judged                      judge_run
"""
