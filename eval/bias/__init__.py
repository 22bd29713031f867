"""How far a model leans on stereotypes, from its log-probabilities alone: no judge, no text that it must write.

figures    what an audit gives, and how questions are drawn   BiasAudit, Figure
pairs      CrowS-Pairs: which of two sentences is likelier     audit_pairs
questions  BBQ and CBBQ: which of three answers is picked      audit_questions
cbbq       whom a question of CBBQ is about                    cbbq_items
"""
