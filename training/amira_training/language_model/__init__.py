"""A back-off n-gram model over the recognizer's own tokens, for its beam search: `lm.ngram`.

Counting, smoothing and pruning are numpy over sorted arrays: five million tokens take about a minute.
Start at :mod:`amira_training.commands.language_model`; the file is described in
:mod:`amira_training.language_model.ngram_file`.
"""
