"""How far a model leans on stereotypes, from its log-probabilities alone, and what every filter changes about bias.

table           every set of a folder, without and with each filter  make_table
sets            where the sets lie, and how each is audited          parts, FILTERS, Models
effects         one figure before and after, and the table's file    Effect, EffectTable, load_effects
figures         what an audit gives, and how questions are drawn     BiasAudit, Figure
pairs           CrowS-Pairs: which of two sentences is likelier      audit_pairs, pair_effects
questions       BBQ and CBBQ: which of three answers is picked       audit_questions, question_effects
cbbq            whom a question of CBBQ is about                     cbbq_items
retrieval       GenderBias-QA: whose documents come first            retrieval_effects
carried         how that bias gets into answers                      carried
counterfactual  what an answer changes with the group                counterfactual_effects
outputs         what the output filter finds and takes               output_effects, own_effects
corpus          how often a corpus names women and men               corpus_effects
utility         what a filter costs ordinary answers                 utility_effects, with_filter
"""
