"""Debiasing of what is read and written: exchanged groups, the offence classifier, the output filter, neutral wording.

classify   what is offensive, and how sure that is     classifier, Offence
signals    what a text does with its words for groups  judgements, protests, quotes
neutral    needless gendering                          gendered, rewritten
screen     the filter of answers, by `Arm.screen`      screen, offences
sentences  sentences of our own, to train and audit    written
train      the training of the classifier              train
exchange   a question with its groups exchanged        readings, counterparts
retrieval  search that prefers no gender, by `Arm.fair`  without_gender, fairly_shown
decoding   self-debiasing by description               self_debiasing, SelfDebiased
"""
