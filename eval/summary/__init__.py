"""Figures from the rows alone.

figures   the whole summary of a run            summarise
arms      one arm: rates, calibration, costs
pairs     two arms on the same questions: paired intervals, tests, harm
flips     what became of each question          FLIPS
"""
