"""`amira models check`: whether a model folder can serve, tried with the server's own code."""

from amira_local.models.check.run import TrialOptions, try_model
from amira_local.models.check.trial import Trial
from amira_local.models.check.words import read_features

__all__ = ["Trial", "TrialOptions", "read_features", "try_model"]
