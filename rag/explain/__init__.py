"""Reasons: what an answer rests on, found by taking it away, and how far each kind of reason can be trusted.

types       the nouns: Source, Attribution, Token, Attention, Reasons
sources     the sentences of the evidence where they stand in a prompt, and the prompt without some of them
ablations   the answer's log-probability without some sources; what attributions are measured by
attribute   leave-one-out, ContextCite, attention as attributions
reading     one pass over prompt and answer: log-probability, entropy and attention, token by token
reasons     all of it for one answer: `explain`, which `Assistant.explain` calls
"""
