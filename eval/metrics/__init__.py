"""What right, hallucinated, likely … mean.

answers      every score of one answer, and the three outcomes   score_answer
nouns        each metric with direction, range and source        METRICS, metric
normalise    how answers are compared, in both languages         squad_text, cmrc_text, language_of
numbers, choices, labels, texts, citations    the parts of a score
ranking      recall@k, MRR, nDCG
calibration  risk and coverage, ECE, Brier
likelihood   perplexity and bits per byte
"""
